// Are the taps what they are taken for? A few tokens are run, and the tapped hidden state times the head must be the
// logits: otherwise a scale, a cap or a wrong tensor lies between, and every method would learn from it.

import { ModelError } from "../errors";
import type { Taps } from "../onnx/taps";
import { FLOAT16, type OnnxGraph } from "../onnx/wire";
import type { NamedTensor } from "../files/safetensors";
import type { DecoderSession } from "./session";

interface ProbedConfig {
  readonly hiddenSize: number;
  readonly vocabSize: number;
}

const PROBE_LENGTH = 8;
/** Rows of the head that are checked, spread over the vocabulary: a wrong tensor is wrong everywhere. */
const PROBE_ROWS = 1024;

/** @throws ModelError when shapes, values or the head do not fit. */
export async function probe(
  session: DecoderSession,
  graph: OnnxGraph,
  taps: Taps,
  config: ProbedConfig,
  head: NamedTensor | undefined,
): Promise<void> {
  const ids = Int32Array.from({ length: PROBE_LENGTH }, (_, i) => (i * 7919 + 17) % config.vocabSize);
  const mask = new Uint8Array(PROBE_LENGTH).fill(1);
  const names = [taps.embedding, taps.hidden, taps.token, "logits"];
  const outputs = await session.run(ids, mask, 1, PROBE_LENGTH, names);
  const { hiddenSize: D, vocabSize: V } = config;
  for (const [i, { dims, data }] of outputs.entries()) {
    const expected = [1, PROBE_LENGTH, names[i] === "logits" ? V : D].join(", ");
    if (dims.join(", ") !== expected) {
      const message = `${names[i]} has shape [${dims.join(", ")}], config.json implies [${expected}]`;
      throw new ModelError("mismatch", message);
    }
    if (!data.every(Number.isFinite)) {
      const message = `${names[i]} is not finite on a probe; the model or the device is broken`;
      throw new ModelError("invalid", message);
    }
  }
  const [, hidden, , logits] = outputs;
  if (head && hidden && logits) checkHead(hidden.data, logits.data, head, toleranceOf(graph, taps));
}

/**
 * How far hidden · headᵀ may be from the logits, as a share of the largest. f32 sums a few hundred to a few thousand
 * terms in another order; f16 rounds each to 11 bits; integer products round the hidden state to 8.
 */
function toleranceOf(graph: OnnxGraph, { head }: Taps): number {
  if (head.op === "MatMulInteger") return 5e-2;
  const half = [...graph.initializers.values()].some(({ dataType }) => dataType === FLOAT16);
  return half || head.op === "MatMulNBits" ? 2e-2 : 1e-3;
}

function checkHead(
  hidden: Float32Array,
  logits: Float32Array,
  { shape, data: head }: NamedTensor,
  tolerance: number,
): void {
  const [V = 0, D = 0] = shape;
  let worst = V * PROBE_LENGTH === logits.length && D * PROBE_LENGTH === hidden.length ? 0 : Infinity;
  const scale = logits.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
  const stride = Math.max(1, Math.floor(V / PROBE_ROWS));
  for (let t = 0; t < PROBE_LENGTH && worst < Infinity; t++) {
    for (let v = t % stride; v < V; v += stride) {
      let sum = 0;
      for (let d = 0; d < D; d++) sum += (hidden[t * D + d] ?? 0) * (head[v * D + d] ?? 0);
      worst = Math.max(worst, Math.abs(sum - (logits[t * V + v] ?? 0)));
    }
  }
  if (worst <= tolerance * scale) return;
  const message =
    `the tapped hidden state times the head misses the logits by ${worst.toPrecision(3)} ` +
    `(logits reach ${scale.toPrecision(3)}). The graph changes its logits after the head; choose another model.`;
  throw new ModelError("mismatch", message);
}
