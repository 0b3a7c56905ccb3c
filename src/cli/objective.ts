// couplet objective CASE.json [--out OUT.json] — one objective on given tensors: its value, its terms and the gradient
// of every student tensor and projector. Exit code 2 and one line on stderr that names the field when the case is wrong.
import { readFile, writeFile } from "node:fs/promises";
import type { MethodOf } from "../config/run";
import { PUBLISHED } from "../config/transport";
import type { PairBatch } from "../data";
import type { Gpu } from "../gpu/device";
import { ProgramBuilder } from "../gpu/program";
import {
  distillationOf,
  isDistillation,
  joinTerms,
  MissingTensor,
  recordCrossEntropyTerm,
  type RecordedTerm,
  type Recording,
  recordTensors,
  recordTransportTerm,
  tensorLeaves,
} from "../objectives";
import { createParamStore, Tape } from "../student";
import { openNodeGpu } from "./node-gpu";
import { prepareCase, type PreparedCase } from "./objective-case";
import { type Case, CaseError, type CaseSettings, type CaseTensor, readCase } from "./objective-file";
import type { Arguments } from "./usage";

type Nested = number | readonly Nested[];

export interface ObjectiveResult {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  readonly grads: Readonly<Record<string, Nested>>;
  /** What each sample adds to the method's own term, where it counts by sample. */
  readonly samples?: readonly number[];
  /** Of methods on sampled tokens: one a response label, by sample. */
  readonly advantages?: readonly (readonly number[])[];
}

export async function objectiveCommand({ positional, options }: Arguments): Promise<number> {
  const [path = ""] = positional;
  try {
    const given = readCase(await readText(path));
    const prepared = prepareCase(given);
    const gpu = await openNodeGpu();
    const result = await solveCase(gpu, given, prepared).finally(() => gpu.destroy());
    const out = options.get("out");
    if (out === undefined) console.log(JSON.stringify(result));
    else await writeFile(out, JSON.stringify(result));
    return 0;
  } catch (error) {
    const known = error instanceof CaseError || error instanceof MissingTensor || error instanceof RangeError;
    if (!known) throw error;
    console.error(error.message);
    return 2;
  }
}

/** @throws CaseError, MissingTensor, RangeError when the method cannot be computed from this case. */
export async function solveCase(gpu: Gpu, given: Case, prepared: PreparedCase): Promise<ObjectiveResult> {
  const { batch, shape, projectors } = prepared;
  const store = createParamStore(gpu, [...tensorLeaves(given.tensors), ...projectors]);
  try {
    const b = new ProgramBuilder("objective");
    const tape = new Tape(b);
    await prepareTerm(given.settings, batch);
    const made = recordTensors(tape, store, teacherLogits(given), batch, shape);
    const { recorded, denominator } = recordCase(given.settings, made.recording, prepared);
    const differentiated = [...tape.leaves].map(({ label }) => label);
    tape.backward();
    const program = await b.build(gpu);
    // As a sum, a term that is per sample is not divided by the samples either; transport is a mean over them always.
    const { method, reduction } = given.settings;
    const perSample = reduction === "sum" && isDistillation(method);
    const counted = { ...batch, denominator, ...(perSample && { samples: 1 }) };
    const outputs = await program.run(
      { ...made.inputs(), ...recorded.inputs(counted) },
      { read: recorded.outputs },
    );
    const { terms, samples, credit } = recorded.terms(outputs, counted);
    const gradients = await store.readGradients();
    program.destroy();
    const grads = differentiated.map((name): [string, Nested] => {
      const field = name.replace(/^projector\./, "");
      return [field, nest(gradients.get(name)?.data ?? [], given.tensors.get(field))];
    });
    const loss = Object.values(terms).reduce((sum, term) => sum + term, 0);
    return {
      ...{ loss, terms, grads: Object.fromEntries(grads) },
      ...(samples && { samples }),
      ...(credit && { advantages: credit.map(({ advantages }) => Array.from(advantages)) }),
    };
  } finally {
    store.destroy();
  }
}

/**
 * `sum` is the method's own term over response tokens, OT_total for `ot`; `total` is the training loss,
 * ((1−r)·CE + r·KD)/denom + r·OT_total.
 */
function recordCase(
  settings: CaseSettings,
  recording: Recording,
  { batch }: PreparedCase,
): { recorded: RecordedTerm; denominator: number } {
  const { method, term, reduction, kdRate } = settings;
  const tokens = batch.denominator ?? batch.student.labels.length;
  const total = reduction === "total";
  const denominator = total ? tokens : 1;
  if (method === "sft") return { recorded: recordCrossEntropyTerm(recording, 1), denominator };

  const share = total ? kdRate : 1;
  const parts: RecordedTerm[] = [];
  if (total) parts.push(recordCrossEntropyTerm(recording, 1 - kdRate));
  if (term) parts.push(distillationOf(term).recordTerm(term, recording, share));
  if (method === "ot" || method === "cot2align") {
    // As a sum over tokens, CoT2Align's own term is KD + denom·OT_total.
    const weight = total ? kdRate : method === "ot" ? 1 : tokens;
    const config = pairConfig(settings, batch.plain !== undefined);
    parts.push(recordTransportTerm(recording, config, weight));
  }
  return { recorded: joinTerms(parts), denominator };
}

/** Models that share a vocabulary may come with the one kind of teacher logits alone. */
function teacherLogits({ settings, tensors }: Case): Case["tensors"] {
  const same = tensors.get("t_logits_same");
  const missing = (settings.base ?? settings.method) === "dskd" && !tensors.has("t_logits") && same;
  return missing ? new Map([...tensors, ["t_logits", missing]]) : tensors;
}

async function prepareTerm({ term }: CaseSettings, { tokens }: PairBatch): Promise<void> {
  if (term && tokens) await distillationOf(term).prepare?.(term, tokens, {});
}

/** The loop of the published code, whose epsilon is 1/alpha, with autograd through every iteration. */
const pairConfig = (
  { cost, alpha, maxIterations, masks }: CaseSettings,
  crossCot: boolean,
): Pick<MethodOf<"cot2align">, "crossCot" | "masks" | "transport"> => ({
  crossCot,
  masks,
  transport: {
    ...PUBLISHED,
    ...{ cost, maxIterations, epsilon: 1 / alpha },
    ...{ gradient: "unrolled", embedding: 1, hidden: 1 },
    ...{ layers: [], layerWeights: "fixed", marginals: "uniform" },
  },
});

/** Flat values as nested lists in the shape of the tensor that they belong to. */
function nest(values: ArrayLike<number>, like: CaseTensor | undefined): Nested {
  const build = (shape: readonly number[], from: number): Nested => {
    const [size = 0, ...inner] = shape;
    const stride = inner.reduce((a, b) => a * b, 1);
    return Array.from({ length: size }, (_, i) =>
      inner.length === 0 ? (values[from + i] ?? 0) : build(inner, from + i * stride),
    );
  };
  return build(like?.shape ?? [values.length], 0);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new CaseError("file", `"${path}" cannot be read`);
  }
}
