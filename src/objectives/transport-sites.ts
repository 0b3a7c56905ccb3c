// Where transport acts: pairs of states, one of the student and one of the projected teacher, each a problem for every
// sample. METHODS §7: main × main, and with both views student plain × teacher CoT and student CoT × teacher plain.
import type { MethodOf, TransportConfig } from "../config/run";
import type { PairBatch, SideBatch } from "../data";
import { costElements, type OtCapacity, type ProblemSize } from "../ot";
import {
  batchSamples,
  type Recording,
  type StepShape,
  type TeacherNeed,
  type ViewRecording,
  type ViewShape,
} from "./types";

/** A student layer and a teacher layer; "embedding" and "hidden" are hidden_states[0] and [-1]. */
export interface LayerPair {
  /** As terms and plans are named. */
  readonly name: string;
  readonly student: "embedding" | "hidden" | number;
  readonly teacher: "embedding" | "hidden" | number;
  readonly weight: number;
}

type ViewName = "main" | "plain";

export interface Site {
  readonly name: string;
  readonly layer: LayerPair;
  readonly studentView: ViewName;
  readonly teacherView: ViewName;
}

/** What decides the sites and what the mean over samples counts. */
export interface PairConfig extends Pick<MethodOf<"cot2align">, "crossCot" | "masks" | "transport"> {
  /** The name of the one site that is recorded, instead of all. */
  readonly only?: string | undefined;
}

/** The layers whose weight is not zero. */
export function activeLayers(config: TransportConfig): LayerPair[] {
  const ends = (["embedding", "hidden"] as const).map((end): LayerPair => {
    return { name: end, student: end, teacher: end, weight: config[end] };
  });
  const inner = config.layers.map(({ student, teacher, weight }): LayerPair => {
    return { name: `layer_${student}_${teacher}`, student, teacher, weight };
  });
  return [...ends, ...inner].filter(({ weight }) => weight > 0);
}

/** Layer by layer, the standard pair first. */
export function sitesOf({ crossCot, masks, transport, only }: PairConfig): Site[] {
  const sites = activeLayers(transport).flatMap((layer): Site[] => {
    const site = (name: string, studentView: ViewName, teacherView: ViewName): Site => {
      return { name: `ot_${layer.name}${name}`, layer, studentView, teacherView };
    };
    const standard = site("", "main", "main");
    if (!crossCot) return [standard];
    const first = site("_plain_cot", "plain", "main");
    // The published masks of the teacher's plain view are all −100: no row takes part, and nothing is learned.
    return masks === "as_published"
      ? [standard, first]
      : [standard, first, site("_cot_plain", "main", "plain")];
  });
  return only === undefined ? sites : sites.filter(({ name }) => name === only);
}

export const teacherNeeds = (config: TransportConfig): TeacherNeed[] =>
  activeLayers(config).map(({ teacher }): TeacherNeed => {
    return typeof teacher === "number" ? `teacher.layer.${teacher}` : `teacher.${teacher}`;
  });

const viewOf = (recording: Recording, name: ViewName): ViewRecording => {
  if (name === "main") return recording;
  if (!recording.plain)
    throw new Error("The cross-CoT pairs need the plain view: the objective's `views` is 2");
  return recording.plain;
};

export const studentStates = (recording: Recording, { layer, studentView }: Site) => {
  const { student } = viewOf(recording, studentView);
  return typeof layer.student === "number" ? student.layer(layer.student) : student[layer.student]();
};

export const teacherStates = (recording: Recording, { layer, teacherView }: Site) => {
  const { teacher } = viewOf(recording, teacherView);
  return typeof layer.teacher === "number" ? teacher.layer(layer.teacher) : teacher[layer.teacher]();
};

const shapeOf = (shape: StepShape, name: ViewName): ViewShape =>
  name === "plain" && shape.plain ? shape.plain : shape;

export const teacherRowsOf = (shape: StepShape, { teacherView }: Site): number =>
  shapeOf(shape, teacherView).teacherRows;

/** All sites in one problem table: problem p of site s is sample p of the batch. */
export function capacityOf(shape: StepShape, sites: readonly Site[]): OtCapacity {
  const sizes = sites.map(({ studentView, teacherView }) => {
    const [student, teacher] = [shapeOf(shape, studentView), shapeOf(shape, teacherView)];
    return {
      n: student.studentLength,
      m: teacher.teacherLength,
      rows: student.studentRows,
      cols: teacher.teacherRows,
    };
  });
  const sum = (of: (size: (typeof sizes)[number]) => number) =>
    sizes.reduce((total, size) => total + of(size), 0);
  return {
    problems: shape.batch * sites.length,
    maxRows: Math.max(...sizes.map(({ n }) => n)),
    maxCols: Math.max(...sizes.map(({ m }) => m)),
    // Σ n·pitch(m) ≤ (Σ n)·pitch(max m): a bound that depends on the bucket alone.
    costElements: sum(({ rows, m }) => costElements(rows, m)),
    rows: sum(({ rows }) => rows),
    cols: sum(({ cols }) => cols),
  };
}

const NO_PROBLEM: ProblemSize = { xOffset: 0, n: 0, yOffset: 0, m: 0 };

/** The rows of sample b on a side; none for a sample that lacks the view, or beyond the batch. */
function rowsOf(side: SideBatch | undefined, b: number): readonly [from: number, count: number] {
  const from = side?.rowOffsets[b] ?? 0;
  return [from, Math.max(0, (side?.rowOffsets[b + 1] ?? from) - from)];
}

const sideOf = (batch: PairBatch, view: ViewName, side: "student" | "teacher"): SideBatch | undefined =>
  (view === "main" ? batch : batch.plain)?.[side];

/** Problem sizes of every site; a sample without rows on either side has no problem, and its place stays empty. */
export function problemSizes(batch: PairBatch, samples: number, sites: readonly Site[]): ProblemSize[] {
  return sites.flatMap(({ studentView, teacherView }) =>
    Array.from({ length: samples }, (_, b): ProblemSize => {
      if (b >= batch.student.B) return NO_PROBLEM;
      const [xOffset, n] = rowsOf(sideOf(batch, studentView, "student"), b);
      const [yOffset, m] = rowsOf(sideOf(batch, teacherView, "teacher"), b);
      return n > 0 && m > 0 ? { xOffset, n, yOffset, m } : NO_PROBLEM;
    }),
  );
}

/** The published code divides every mean over samples by four. */
const PUBLISHED_DIVISOR = 4;

/**
 * What the total loss weighs one problem of a site, METHODS §7:
 *
 *   r · w_l / (4·B)      r what the method weighs transport (its kdRate), w_l the layer's weight (times its learned share, 1 at first), B samples
 *
 * The published code counts every sample of the batch; as intended, a sample without a plain view does not count in a
 * cross pair. Both the reported term and the gradient (through the input `transport_weights`) are weighted by this.
 */
export function problemWeight(
  site: Site,
  { masks, rate }: { readonly masks: PairConfig["masks"]; readonly rate: number },
  batch: PairBatch,
  share = 1,
): number {
  const cross = site.studentView === "plain" || site.teacherView === "plain";
  const pairs = () => problemSizes(batch, batch.student.B, [site]).filter(({ n }) => n > 0).length;
  const counted = cross && masks === "intended" ? (batch.pairs ?? pairs()) : batchSamples(batch);
  return counted > 0 ? share * (rate * (site.layer.weight / (PUBLISHED_DIVISOR * counted))) : 0;
}
