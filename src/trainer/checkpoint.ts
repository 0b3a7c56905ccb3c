// A run on disk: what training changes, and where it stands, in one safetensors file.
//
//   weights/NAME, m/NAME, v/NAME   of every trained parameter (adapters alone under LoRA)
//   metadata                       sha256 (of the file: see checkpoint-digest.ts), format, version, step, sampler, config,
//                                  student (a hash of its first weights)
//
// On the same adapter a restored run continues with the same bits.
import { isRecord } from "../base/json";
import { ConfigError, parseRunConfigText, type RunConfig } from "../config/run";
import type { SamplerState } from "../data";
import {
  ModelError,
  type NamedTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from "../models";
import type { ParamState, ParamStore } from "../student";
import { DIGEST_KEY, NO_DIGEST, seal, sealOf } from "./checkpoint-digest";
import { RunError } from "./failure";

const FORMAT = "couplet-checkpoint";
/** Version 1 had no digest. */
const VERSION = "2";

export interface Checkpoint {
  /** Steps done. */
  readonly step: number;
  /** Before the rows of the next step are drawn. */
  readonly sampler: SamplerState;
  readonly config: RunConfig;
  /** Of the student that the run began with: see `fingerprint`. */
  readonly student: string;
  readonly state: ParamState;
}

const KINDS = [
  ["weights", "params"],
  ["m", "m"],
  ["v", "v"],
] as const;

/** One file with its digest. */
export function encodeCheckpoint(
  { step, sampler, config, student, state }: Checkpoint,
  store: Pick<ParamStore, "entries" | "segments">,
): Promise<Uint8Array> {
  const tensors = new Map<string, NamedTensor>();
  for (const [kind, arena] of KINDS)
    for (const { name, shape, length, pieces } of trained(store))
      tensors.set(`${kind}/${name}`, { shape, data: gathered(state[arena], length, pieces) });
  const file = writeSafetensors(tensors, {
    [DIGEST_KEY]: NO_DIGEST,
    format: FORMAT,
    version: VERSION,
    step: String(step),
    sampler: JSON.stringify(sampler),
    config: JSON.stringify(config),
    student,
  });
  return seal(file);
}

/** @throws RunError `checkpoint` when the file is not the one that was written: cut off, or a bit of it has changed. */
export async function checkWhole(bytes: Uint8Array): Promise<void> {
  const { version } = formOf(bytes);
  const found = await sealOf(bytes);
  if (found === "whole" || (found === "none" && version === "1")) return;
  throw new RunError(
    "checkpoint",
    "The checkpoint is damaged.",
    found === "none"
      ? "It carries no digest, and it should: its header has changed since it was written."
      : "Its SHA-256 is not the one that it was written with: at least one bit has changed since, on the disk or on the way.",
    "Copy the file again from where it came, resume from an earlier checkpoint, or start the run anew.",
  );
}

/** What a checkpoint says of itself, without its tensors. @throws RunError `checkpoint` when it is none. */
export function checkpointFacts(bytes: Uint8Array): Omit<Checkpoint, "state"> {
  const { step, sampler, config, student = "" } = formOf(bytes);
  try {
    return {
      step: wholeNumber("step", Number(step)),
      sampler: samplerState(JSON.parse(sampler ?? "")),
      config: parseRunConfigText(config ?? ""),
      student,
    };
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof SyntaxError || error instanceof RangeError))
      throw error;
    throw refused(`Its record of the run cannot be read: ${error.message}.`);
  }
}

/** @throws RunError `checkpoint` when the file is damaged, or not of this student and config. */
export async function decodeCheckpoint(
  bytes: Uint8Array,
  store: Pick<ParamStore, "entries" | "segments" | "length">,
): Promise<Checkpoint> {
  await checkWhole(bytes);
  const facts = checkpointFacts(bytes);
  const tensors = reading(() => readSafetensors(bytes));
  const state = { params: blank(store), m: blank(store), v: blank(store) };
  for (const [kind, arena] of KINDS)
    for (const { name, shape, pieces } of trained(store)) {
      const tensor = tensors.get(`${kind}/${name}`);
      if (tensor?.shape.join() !== shape.join())
        throw refused(
          `It holds ${tensor ? `[${tensor.shape.join(", ")}]` : "nothing"} for ${kind}/${name}, this run trains [${shape.join(", ")}].`,
        );
      for (const { at, start, length } of pieces)
        state[arena].set(tensor.data.subarray(start, start + length), at);
    }
  const known = KINDS.length * [...trained(store)].length;
  if (tensors.size !== known) throw refused(`It holds ${tensors.size} tensors, this run trains ${known}.`);
  return { ...facts, state };
}

const blank = ({ length }: Pick<ParamStore, "length">) => new Float32Array(length); // padding is zero in the arena too

/** A stretch of a parameter: `at` in the arena, `start` in the parameter. */
interface Piece {
  readonly at: number;
  readonly start: number;
  readonly length: number;
}

function trained({ entries, segments }: Pick<ParamStore, "entries" | "segments">) {
  return [...entries]
    .filter(([, entry]) => entry.trainable)
    .map(([name, { shape, length, pieces }]) => ({
      name,
      shape,
      length,
      pieces: pieces.map((p): Piece => ({ ...p, at: (segments[p.segment]?.base ?? 0) + p.offset })),
    }));
}

/** A parameter out of an arena: a view of it where it lies in one piece. */
function gathered(arena: Float32Array, length: number, pieces: readonly Piece[]): Float32Array {
  const [only] = pieces;
  if (pieces.length === 1 && only) return arena.subarray(only.at, only.at + length);
  const all = new Float32Array(length);
  for (const { at, start, length: count } of pieces) all.set(arena.subarray(at, at + count), start);
  return all;
}

/**
 * What may differ between a checkpoint and the run that takes it up: nothing that a step computes from, but the end of
 * a decaying schedule. A run may be made longer; its rate then falls towards the new end.
 */
const FREE = ["steps", "evaluation", "probe", "checkpoints", "memoryBudgetMiB"];

/** @throws RunError naming every setting in which the two runs differ. */
export function checkSameRun(saved: RunConfig, now: RunConfig): void {
  const paths = differing(saved, now);
  if (paths.length === 0) return;
  throw refused(`It is of another run: ${paths.join(", ")} ${paths.length > 1 ? "differ" : "differs"}.`);
}

export const sameRun = (a: RunConfig, b: RunConfig): boolean => differing(a, b).length === 0;

const differing = (saved: RunConfig, now: RunConfig): string[] =>
  differences(saved, now).filter((path) => !FREE.includes(path.split(".")[0] ?? ""));

function differences(a: unknown, b: unknown, path = ""): string[] {
  if (isRecord(a) && isRecord(b))
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
      differences(a[key], b[key], path ? `${path}.${key}` : key),
    );
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [path];
}

/** FNV-1a over the bits of the weights, in order: tells one student from another. */
export function fingerprint(tensors: ReadonlyMap<string, NamedTensor>): string {
  let hash = 0x811c9dc5;
  for (const { data } of tensors.values())
    for (const word of new Uint32Array(data.buffer, data.byteOffset, data.length))
      hash = Math.imul(hash ^ word, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** @throws RunError when the checkpoint began with other weights. */
export function checkSameStudent(saved: string, now: string): void {
  if (saved !== now)
    throw refused("It began with other weights: the student's model.safetensors has changed.");
}

/** @throws RunError when the data set has shrunk below the place where the checkpoint stands. */
export function checkSameRows({ position }: SamplerState, rows: number): void {
  if (position > rows) throw refused(`It stands at row ${position} of its data; this run has ${rows} rows.`);
}

/** The metadata of what is a checkpoint at all, of a version that is read. */
function formOf(bytes: Uint8Array): Readonly<Record<string, string>> {
  const metadata = reading(() => readSafetensorsMetadata(bytes));
  const { format, version } = metadata;
  if (format !== FORMAT) throw refused("It is a safetensors file without a run in it.");
  if (version !== VERSION && version !== "1")
    throw refused(`It is of version ${version}; this Couplet reads versions 1 and ${VERSION}.`);
  return metadata;
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw refused(`${error.message}.`);
  }
}

function samplerState(json: unknown): SamplerState {
  const { seed, epoch, position } = isRecord(json) ? json : {};
  return {
    seed: wholeNumber("sampler.seed", seed),
    epoch: wholeNumber("sampler.epoch", epoch),
    position: wholeNumber("sampler.position", position),
  };
}

function wholeNumber(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${name} must be a whole number, got ${JSON.stringify(value)}`);
}

const refused = (why: string): RunError =>
  new RunError(
    "checkpoint",
    "The checkpoint cannot be taken up.",
    why,
    "Resume with the config and the models that it was made with, or start the run anew.",
  );
