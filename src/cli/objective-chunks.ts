// What methods on chunks of equal text read of a case beside tensors and labels: groups, a token projection, pairs of end
// tokens (docs/METHODS.md §10). First the form of each, then whether it fits the rest of the case.
import type { DistillationId } from "../config/run";
import type { EndPair, PairBatch, SideBatch, TokenProjection, ViewBatch } from "../data";
import { overlapColumns } from "../objectives";
import { CaseError } from "./objective-error";

/** [s0, s1, t0, t1], half-open ranges over a sample's response labels. */
export type Group = readonly [number, number, number, number];

type Method = DistillationId | "sft" | "ot" | "cot2align";
const set = (...ids: readonly Method[]): ReadonlySet<string> => new Set(ids);

/** Groups are given here, never aligned. */
const OVER_GROUPS = set("gold", "x_token", "simct", "simple_ctkd", "opd");
/** One vocabulary and the student's positions, or no teacher at all: nothing else of the teacher is looked at. */
export const STUDENT_POSITIONS = set("gkd", "reverse_kl_top_k", "fixed_advantage");
/** Of these, the ones that read the teacher's logits over the student's vocabulary. */
const SAME_VOCABULARY = set("gkd", "reverse_kl_top_k");
/** A mean over all groups, where others are sums. */
export const MEANS = set("x_token");
const BY_PROJECTION = set("x_token");
const BY_OVERLAP = set("simct", "simple_ctkd");

const isList = Array.isArray as (value: unknown) => value is readonly unknown[];

export function readGroups(value: unknown): Group[][] {
  const bad = (where: string, what: string) => new CaseError("groups", `${where} ${what}`.trim());
  if (!isList(value)) throw bad("", "must be a list of lists, one a sample");
  return value.map((sample, b) => {
    if (!isList(sample)) throw bad(`sample ${b}`, "must be a list of [s0, s1, t0, t1]");
    let [s, t] = [0, 0];
    return sample.map((group, g): Group => {
      const where = `sample ${b}, group ${g}`;
      if (!isList(group) || group.length !== 4 || !group.every(Number.isInteger))
        throw bad(where, `must be four whole numbers [s0, s1, t0, t1], got ${JSON.stringify(group)}`);
      const [s0 = 0, s1 = 0, t0 = 0, t1 = 0] = group as readonly number[];
      if (s0 < 0 || t0 < 0) throw bad(where, "begins below 0");
      if (s1 <= s0 || t1 <= t0) throw bad(where, "is empty on a side");
      if (s0 < s || t0 < t) throw bad(where, "does not come after the group before it, on both sides");
      [s, t] = [s1, t1];
      return [s0, s1, t0, t1];
    });
  });
}

/** {indices, values}: for each student token the same number of teacher ids, −1 for none, and what each weighs. */
export function readProjection(value: unknown): TokenProjection {
  if (typeof value !== "object" || value === null || isList(value))
    throw new CaseError("w", "must be {indices, values}, a row of either for each student token");
  const { indices, values } = value as { readonly indices?: unknown; readonly values?: unknown };
  const ids = table("w.indices", indices);
  const weights = table("w.values", values);
  const width = ids[0]?.length ?? 0;
  const ragged = ids.findIndex((row) => row.length !== width);
  if (ragged >= 0)
    throw new CaseError("w.indices", `row ${ragged} holds ${ids[ragged]?.length}, others ${width}`);
  const unlike = ids.findIndex((row, v) => row.length !== weights[v]?.length);
  if (unlike >= 0 || ids.length !== weights.length)
    throw new CaseError(
      "w.values",
      `must have the shape of w.indices [${ids.length}, ${width}]` +
        (unlike >= 0 ? `; row ${unlike} has not` : `, has ${weights.length} rows`),
    );
  ids.forEach((row, v) =>
    row.forEach((id, i) => {
      if (!Number.isInteger(id) || id < -1)
        throw new CaseError("w.indices", `row ${v}: expected teacher ids, or −1 for none, got ${id}`);
      const weight = weights[v]?.[i] ?? NaN;
      if (id >= 0 && weight < 0)
        throw new CaseError("w.values", `row ${v}: must not be negative, got ${weight}`);
    }),
  );
  return { width, indices: Int32Array.from(ids.flat()), values: Float32Array.from(weights.flat()) };
}

function table(field: string, value: unknown): readonly (readonly number[])[] {
  if (value === undefined || value === null) throw new CaseError(field, "missing");
  if (!isList(value) || !value.every(isList))
    throw new CaseError(field, "must be a list of lists, one a student token");
  value.forEach((row, v) =>
    row.forEach((x) => {
      if (typeof x !== "number" || !Number.isFinite(x) || !Number.isFinite(Math.fround(x)))
        throw new CaseError(field, `row ${v}: expected finite numbers, got ${JSON.stringify(x)}`);
    }),
  );
  return value as readonly (readonly number[])[]; // just checked
}

export function readEnds(value: unknown): EndPair[] {
  const bad = (what: string) => new CaseError("ends", `must be pairs [student id, teacher id], got ${what}`);
  if (!isList(value)) throw bad(JSON.stringify(value));
  return value.map((pair): EndPair => {
    const ids = isList(pair) ? pair : [];
    if (ids.length !== 2 || !ids.every((id) => Number.isInteger(id) && Number(id) >= 0))
      throw bad(JSON.stringify(pair));
    return [Number(ids[0]), Number(ids[1])];
  });
}

/** What the checks look at: the fields that were given, and how wide the logits are. */
export interface ChunkFields {
  readonly method: string;
  readonly groups: readonly (readonly Group[])[] | undefined;
  readonly projection: TokenProjection | undefined;
  readonly ends: readonly EndPair[];
  readonly tokens: Readonly<Partial<Record<"student" | "teacher", readonly string[]>>>;
  readonly widths: Readonly<Record<"student" | "teacher" | "same", number | undefined>>;
}

/** @throws CaseError naming the field that does not fit. */
export function checkChunks(given: ChunkFields, view: ViewBatch): void {
  checkGroups(given, view);
  if (SAME_VOCABULARY.has(given.method) && given.widths.same === undefined)
    throw new CaseError(
      "t_logits_same",
      `missing; "${given.method}" needs teacher logits over the student's vocabulary`,
    );
  if (!OVER_GROUPS.has(given.method)) return;
  for (const [side, logits] of [
    ["student", "s_logits"],
    ["teacher", "t_logits"],
  ] as const) {
    const [count, width] = [given.tokens[side]?.length, given.widths[side]];
    if (count !== undefined && width !== undefined && count > width)
      throw new CaseError(`${side}_tokens`, `holds ${count} tokens, ${logits} has ${width} columns`);
  }
  checkEnds(given);
  if (BY_PROJECTION.has(given.method)) checkProjection(given);
}

/** Groups are final: methods on chunks read these and align nothing. */
function checkGroups({ method, groups }: ChunkFields, { student, teacher }: ViewBatch): void {
  if (!groups) {
    if (OVER_GROUPS.has(method))
      throw new CaseError("groups", `missing; "${method}" reads [s0, s1, t0, t1], a list a sample`);
    return;
  }
  if (groups.length !== student.B)
    throw new CaseError("groups", `holds ${groups.length} samples, label_s ${student.B}`);
  groups.forEach((sample, b) =>
    sample.forEach(([, s1, , t1], g) => {
      for (const [end, side, field] of [
        [s1, student, "label_s"],
        [t1, teacher, "label_t"],
      ] as const)
        if (end > labelsOf(side, b))
          throw new CaseError(
            "groups",
            `sample ${b}, group ${g} ends at ${end}; ${field} has ${labelsOf(side, b)} response labels there`,
          );
    }),
  );
}

const labelsOf = ({ rowOffsets }: SideBatch, b: number): number =>
  (rowOffsets[b + 1] ?? 0) - (rowOffsets[b] ?? 0);

function checkEnds({ ends, tokens, widths }: ChunkFields): void {
  for (const [k, side] of (["student", "teacher"] as const).entries()) {
    const size = tokens[side]?.length ?? widths[side] ?? Infinity;
    const odd = ends.find((pair) => (pair[k] ?? 0) >= size);
    if (odd) throw new CaseError("ends", `token ${odd[k]} is beyond the ${side}'s ${size}`);
  }
}

function checkProjection({ method, projection, tokens, widths }: ChunkFields): void {
  if (!projection)
    throw new CaseError("w", `missing; "${method}" reads {indices, values}, a row a student token`);
  const { indices, width } = projection;
  const rows = width === 0 ? widths.student : indices.length / width;
  if (rows !== widths.student)
    throw new CaseError("w", `has ${rows} rows, s_logits ${widths.student} columns`);
  const size = tokens.teacher?.length ?? widths.teacher ?? Infinity;
  const odd = indices.findIndex((id) => id >= size);
  if (odd >= 0) throw new CaseError("w.indices", `id ${indices[odd]} is beyond the teacher's ${size} tokens`);
}

/** @throws CaseError where two vocabularies that a method compares have nothing in common. */
export function checkOverlap({ method }: { readonly method: string }, batch: PairBatch): void {
  if (!BY_OVERLAP.has(method) || !batch.tokens) return;
  if (overlapColumns(batch.tokens, "spelling", batch.ends ?? []).student.length === 0)
    throw new CaseError(
      "student_tokens",
      `nothing in common with teacher_tokens: "${method}" compares tokens that both have`,
    );
}
