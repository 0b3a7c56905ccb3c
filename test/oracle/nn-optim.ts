// Clipping by the global norm and AdamW in float64, from torch.nn.utils.clip_grad_norm_ and torch.optim.AdamW.
import type { Values } from "./nn";

export function clip(gradient: Values, most: number) {
  const norm = Math.sqrt(Array.from(gradient).reduce((sum, g) => sum + g * g, 0));
  return { norm, factor: Math.min(1, most / (norm + 1e-6)) };
}

export interface AdamW {
  rate: number;
  beta1: number;
  beta2: number;
  eps: number;
  decay: number;
  step: number;
}

/** One element's step. */
export function adamw(p: number, g: number, m: number, v: number, h: AdamW) {
  const first = h.beta1 * m + (1 - h.beta1) * g;
  const second = h.beta2 * v + (1 - h.beta2) * g * g;
  const [mHat, vHat] = [first / (1 - h.beta1 ** h.step), second / (1 - h.beta2 ** h.step)];
  const kept = p - h.rate * h.decay * p;
  return { p: kept - (h.rate * mHat) / (Math.sqrt(vHat) + h.eps), m: first, v: second };
}
