// Divergences between two rows of logits in float64, METHODS §2: plain sums, a real sort for the adaptive form.
import type { DivergenceSettings } from "../../src/objectives/ops/divergence";
import { logSumExp, type Values } from "./nn";

export const logSoftmax = (x: Values, temperature = 1): number[] => {
  const scaled = Array.from(x, (value) => value / temperature);
  const total = logSumExp(scaled.filter(Number.isFinite));
  return scaled.map((value) => value - total);
};

export const softmax = (x: Values, temperature = 1): number[] =>
  logSoftmax(x, temperature).map((value) => Math.exp(value));

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** [weight of forward KL, weight of reverse KL]: the head's gap against the tail's. */
export function adaptiveMix(
  student: Values,
  teacher: Values,
  settings: DivergenceSettings,
): [number, number] {
  const { temperature, teacherTemperature = 1, adaptiveAlpha = 0.5 } = settings;
  const p = softmax(student, temperature);
  const t = softmax(teacher, temperature * teacherTemperature);
  const ascending = t.map((_, v) => v).sort((a, b) => t[a]! - t[b]! || a - b);
  let cumulative = 0;
  let [head, tail] = [0, 0];
  for (const v of ascending) {
    cumulative += t[v]!;
    const gap = Math.abs(t[v]! - p[v]!);
    if (cumulative < adaptiveAlpha) tail += gap;
    else head += gap;
  }
  return head + tail === 0 ? [0.5, 0.5] : [head / (head + tail), tail / (head + tail)];
}

/** D(softmax(student/T), softmax(teacher/(T·T′))). `frozen` are the adaptive weights, which carry no gradient. */
export function divergence(
  student: Values,
  teacher: Values,
  settings: DivergenceSettings,
  frozen?: [number, number],
): number {
  const { temperature, teacherTemperature = 1, skew = 0.1 } = settings;
  const lp = logSoftmax(student, temperature);
  const lt = logSoftmax(teacher, temperature * teacherTemperature);
  const counted = lp.map((_, v) => v).filter((v) => Number.isFinite(student[v]!));
  const over = (term: (p: number, t: number, v: number) => number) =>
    sum(counted.map((v) => term(Math.exp(lp[v]!), Math.exp(lt[v]!), v)));
  const forward = () => over((_, t, v) => t * (lt[v]! - lp[v]!));
  const reverse = () => over((p, _, v) => p * (lp[v]! - lt[v]!));
  const eps = 1e-9;
  switch (settings.divergence) {
    case "generalized_js": {
      if (skew === 0) return forward();
      if (skew === 1) return reverse();
      const mix = (v: number) => logSumExp([lp[v]! + Math.log(1 - skew), lt[v]! + Math.log(skew)]);
      return over((p, t, v) => skew * t * (lt[v]! - mix(v)) + (1 - skew) * p * (lp[v]! - mix(v)));
    }
    case "forward_kl":
      return forward();
    case "reverse_kl":
      return reverse();
    case "symmetric_kl":
      return (forward() + reverse()) / 2;
    case "js":
      return over((p, t) => {
        const m = (p + t) / 2;
        const log = (x: number) => Math.log(x + eps) - Math.log(m + eps);
        return (t * log(t) + p * log(p)) / 2;
      });
    case "skewed_forward_kl":
      return over((p, t, v) => (t === 0 ? 0 : t * (lt[v]! - Math.log(skew * t + (1 - skew) * p))));
    case "skewed_reverse_kl":
      return over((p, t, v) => (p === 0 ? 0 : p * (lp[v]! - Math.log((1 - skew) * t + skew * p))));
    case "adaptive_kl": {
      const [head, tail] = frozen ?? adaptiveMix(student, teacher, settings);
      return head * forward() + tail * reverse();
    }
  }
}
