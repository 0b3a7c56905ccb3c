// The teacher in the engine that trains the student: its weights on the same device, frozen, so that what the student has just written
// is read in the step's own submit. It is believed once it gives what its ONNX session gives.
import type { RunConfig } from "../config/run";
import { isOnPolicy } from "../config/run";
import { bucketLength } from "../data";
import type { Gpu } from "../gpu/device";
import { type Program, ProgramBuilder } from "../gpu/program";
import {
  loadModelConfig,
  loadStudentWeights,
  type ModelFiles,
  type NamedTensor,
  type ReadProgress,
  type StudentConfig,
  type Teacher,
  expectedTensors,
} from "../models";
import type { TeacherNeed } from "../objectives";
import {
  createGenerator,
  createModel,
  createParamStore,
  type NewParameter,
  type ParamStore,
  recordHead,
  recordModel,
  type StudentModel,
  studentParameters,
  Tape,
  usablePositions,
} from "../student";
import { RunError } from "./failure";
import type { TeacherWeights } from "./teacher-weights";

export interface EngineTeacher extends Teacher {
  readonly model: StudentModel;
  /** Largest difference from the ONNX session's states and logits on the probe, as a share of the largest value. */
  readonly gap: number;
}

/** Sums of a few thousand terms in another order, over some ten blocks. */
const TOLERANCE = 1e-3;
const PROBE_LENGTH = 24;
const LENGTH_STEP = 32;

/** Its memory without its values: a model that nothing is differentiated by. */
export function placeEngineTeacher(
  gpu: Gpu,
  config: StudentConfig,
): { model: StudentModel; store: ParamStore; destroy(): void } {
  const shapes = new Map([...expectedTensors(config)].map(([name, shape]) => [name, { shape }]));
  const store = createParamStore(gpu, frozen(shapes));
  const model = createModel(gpu, config, store);
  return {
    ...{ model, store },
    destroy() {
      model.destroy();
      store.destroy();
    },
  };
}

const frozen = (tensors: Parameters<typeof studentParameters>[0]): NewParameter[] =>
  studentParameters(tensors).map((parameter) => ({ ...parameter, trainable: false }));

/** Whether the step itself runs the teacher; where a method normalizes by moments over whole sequences, its states come first. */
export const runsInStep = ({ teacherDevice, data }: RunConfig, needs: readonly TeacherNeed[]): boolean =>
  teacherDevice === "engine" &&
  isOnPolicy(data) &&
  !(needs.includes("teacher.hidden") && needs.includes("teacher.tokenEmbedding"));

export interface EngineOptions {
  /** Blocks whose outputs `forward` can return. */
  readonly layers: readonly number[];
  /** Keep head and token table on the host, too. */
  readonly keepWeights: boolean;
  readonly onProgress: ReadProgress;
  /** Allocates, and has it destroyed when loading fails later. */
  allocate<T extends { destroy(): void }>(what: string, make: () => T): Promise<T>;
}

/**
 * @param reference the same model's ONNX session; it is asked once and can be closed.
 * @throws ModelError for a family that the engine does not run; RunError `teacher-differs` when the two disagree.
 */
export async function openEngineTeacher(
  gpu: Gpu,
  files: ModelFiles,
  reference: Teacher,
  { layers, keepWeights, onProgress, allocate }: EngineOptions,
): Promise<EngineTeacher> {
  const config = await loadModelConfig(files);
  const placed = await allocate("The teacher's weights", () => placeEngineTeacher(gpu, config));
  const { model, store } = placed;
  const { tensors } = await loadStudentWeights(files, onProgress);
  await store.fill(frozen(tensors));
  const gap = await differenceFrom(gpu, model, reference, layers);
  if (!(gap <= TOLERANCE)) throw differs(gap);
  const kept = (name: string): NamedTensor | undefined => (keepWeights ? tensors.get(name) : undefined);
  const states = createStates(gpu, model, layers);
  const { tokenizer } = reference;
  const most = Math.min(usablePositions(config), 1024);
  const generator = createGenerator(gpu, model, { length: most, batch: 1 });
  const written = (ids: readonly number[], options: Parameters<Teacher["continue"]>[1]) =>
    generator.generate(ids, { ...options, stopIds: tokenizer.stopIds });
  return {
    ...{ model, gap, tokenizer, config: reference.config },
    ...{ head: kept(model.network.head), tokenEmbedding: kept(model.network.tokens) },
    forward: states.forward,
    continue: written,
    async answer(ids, options) {
      const fresh = await written(ids, options);
      const ended = fresh.length < options.maxNewTokens && ids.length + fresh.length < most;
      return { text: tokenizer.decode(fresh), ended };
    },
    async generate(prompt, options) {
      const ids = tokenizer.encode(prompt);
      const { start = [] } = tokenizer.around ?? {};
      const begun = start.length > 0 && start.every((id, i) => ids[i] === id);
      return tokenizer.decode(await written(begun ? ids : [...start, ...ids], options));
    },
    async dispose() {
      generator.destroy();
      states.destroy();
      placed.destroy();
    },
  };
}

/** The forward pass of one sequence at a time, with its states read back. */
function createStates(
  gpu: Gpu,
  model: StudentModel,
  layers: readonly number[],
): Pick<Teacher, "forward"> & { destroy(): void } {
  const { config } = model;
  const programs = new Map<number, Promise<Program>>();
  return {
    async forward(ids, mask, B, T, wanted = {}) {
      if (B !== 1 || wanted.logits || wanted.token || mask.some((m) => m !== 1))
        throw new RangeError("the engine's teacher is asked for states of one whole sequence at a time");
      const length = bucketLength(T, LENGTH_STEP, usablePositions(config));
      let program = programs.get(length);
      if (!program) programs.set(length, (program = recordStates(model, length, layers).build(gpu)));
      const padded = new Int32Array(length);
      padded.set(ids);
      const names = ["embedding", "hidden", ...(wanted.layers ? layers.map((k) => `layer ${k}`) : [])];
      const values = await (await program).run({ ids: padded }, { read: names });
      const { hiddenSize: D, vocabSize: V } = config;
      const of = (name: string) => (values[name] ?? new Float32Array()).slice(0, T * D);
      return {
        ...{ embedding: of("embedding"), hidden: of("hidden"), B, T, D, V },
        ...(wanted.layers && { layers: layers.map((k) => of(`layer ${k}`)) }),
      };
    },
    destroy() {
      for (const program of programs.values()) void program.then((p) => p.destroy()).catch(() => undefined);
    },
  };
}

/** States of one sequence, to be read back. */
function recordStates(
  model: StudentModel,
  T: number,
  layers: readonly number[],
  logits = false,
): ProgramBuilder {
  const b = new ProgramBuilder(`teacher ${T}`, model.rangeBytes);
  const tape = new Tape(b, { training: false });
  const states = recordModel(tape, model, { B: 1, T, ids: b.input("ids", T) });
  b.output("embedding", states.embedding.value);
  b.output("hidden", states.hidden.value);
  for (const k of layers) if (k > 0) b.output(`layer ${k}`, states.layers(k).value);
  if (layers.includes(0)) b.output("layer 0", states.embedding.value);
  if (logits) b.output("logits", recordHead(tape, model, states.hidden).value);
  return b;
}

async function differenceFrom(
  gpu: Gpu,
  model: StudentModel,
  reference: Teacher,
  layers: readonly number[],
): Promise<number> {
  const { vocabSize } = model.config;
  const T = Math.min(PROBE_LENGTH, usablePositions(model.config));
  const ids = Int32Array.from({ length: T }, (_, i) => (i * 37 + 11) % vocabSize);
  const options = { logits: true, ...(layers.length > 0 && { layers: true }) };
  const want = await reference.forward(ids, new Uint8Array(T).fill(1), 1, T, options);
  const program = await recordStates(model, T, layers, true).build(gpu);
  const names = ["embedding", "hidden", "logits", ...layers.map((k) => `layer ${k}`)];
  const got = await program.run({ ids }, { read: names });
  program.destroy();
  const wanted = [want.embedding, want.hidden, want.logits, ...(want.layers ?? [])];
  return Math.max(...names.map((name, i) => relative(got[name], wanted[i])));
}

/** Largest difference as a share of the largest value; infinite where something is no number. */
function relative(got: Float32Array | undefined, want: Float32Array | undefined): number {
  if (!got || got.length !== want?.length) return Infinity;
  let [worst, scale] = [0, 1];
  for (const [i, value] of want.entries()) {
    const difference = Math.abs(value - (got[i] ?? NaN));
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
    scale = Math.max(scale, Math.abs(value));
  }
  return worst / scale;
}

const differs = (gap: number): RunError =>
  new RunError(
    "teacher-differs",
    "The teacher was not loaded: in our engine it differs from its own ONNX session.",
    `On a probe of ${PROBE_LENGTH} tokens the largest difference is ${gap.toPrecision(3)} of the largest value; at most ${TOLERANCE} is allowed.`,
    'model.safetensors and onnx/model.onnx may be of different models: export both from one checkpoint. Or set teacherDevice to "cpu".',
  );

/** Head and table as they lie in the engine; `live` where the step runs the teacher itself. */
export function engineWeights(model: StudentModel, inStep: boolean): TeacherWeights {
  const tape = new Tape(new ProgramBuilder("teacher's weights"), { training: false });
  const of = (name: string) => model.store.leaf(tape, name).value;
  const { vocabSize, hiddenSize } = model.config;
  return {
    head: () => of(model.network.head),
    tokenEmbedding: () => of(model.network.tokens),
    shape: [vocabSize, hiddenSize],
    ...{ bytes: model.store.bytes, ranges: [], destroy: () => undefined },
    ...(inStep && { live: model }),
  };
}
