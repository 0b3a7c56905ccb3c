// X-Token's projection of chunks into the teacher's vocabulary, and its KL. See shaders/loss/top_columns.wgsl,
// project_tokens.wgsl, projected_kl.wgsl and project_backward.wgsl.
import sum4 from "../../../shaders/lib/workgroup_sum4.wgsl?raw";
import projectBackward from "../../../shaders/loss/project_backward.wgsl?raw";
import projectTokens from "../../../shaders/loss/project_tokens.wgsl?raw";
import projectedKl from "../../../shaders/loss/projected_kl.wgsl?raw";
import topColumns from "../../../shaders/loss/top_columns.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { f32, packParams, u32 } from "../../gpu/params";
import type { Binding, ProgramBuilder, Tensor } from "../../gpu/program";
import { rowBlocks } from "../../gpu/tensor";
import type { Tape, Var } from "../../student";
import { recordFill } from "../../student/ops/fill";
import type { ChunkTables } from "./chunk-sum";
import type { ChunkLoss } from "./chunk-losses";
import { recordWeightedTotal } from "./divergence";
import { recordSoftmaxStats, rowKernel } from "./softmax-stats";
import { recordSortRows } from "./sort-rows";

const topBindings = { params: "uniform", width: "uniform", labels: "read", x: "read", out: "write" } as const;
const topKernel = (entry: string) => defineKernel({ entry, code: [topColumns], bindings: topBindings });
const topColumnsKernel = topKernel("top_columns");
const topIdsKernel = topKernel("top_ids");
const topPlacesKernel = topKernel("top_places");

const projectKernel = defineKernel({
  entry: "project_tokens",
  code: [projectTokens],
  bindings: {
    ...{ params: "uniform", chunks: "read", ids: "read", starts: "read", entries: "read" },
    ...{ x: "read", stats: "read", out: "write" },
  },
});

const projectedKlKernel = defineKernel({
  entry: "projected_kl",
  code: [sum4, projectedKl],
  bindings: {
    ...{ params: "uniform", weight: "read", hat: "read", log_q: "read" },
    ...{ loss: "write", slope: "write" },
  },
});

const projectBackwardKernel = defineKernel({
  entry: "project_backward",
  code: [sum4, projectBackward],
  bindings: {
    ...{ params: "uniform", scale: "uniform", chunk_of: "read", chunks: "read", entries: "read" },
    ...{ places: "read", slope: "read", x: "read", stats: "read", dx: "write" },
  },
});

export interface TopColumnsArgs {
  /** [R, V]: a constant. */
  readonly logits: Tensor;
  readonly vocab: number;
  /** u32 (R): rows with NO_ROW are padding. */
  readonly labels: Tensor;
  /** A uniform of one u32: columns from it on are no tokens. */
  readonly width: Binding;
  /** u32 (1): 0. */
  readonly zero: Tensor;
  readonly top: number;
}

export interface TopColumns {
  /** u32 (K): NO_ROW beyond the tokens. */
  readonly ids: Tensor;
  /** u32 (V): j + 1 of ids[j], 0 for others. */
  readonly places: Tensor;
}

/** The K columns with the largest logit over all rows that count; of equal ones the lowest id. */
export function recordTopColumns(b: ProgramBuilder, args: TopColumnsArgs): TopColumns {
  const { logits, vocab, labels, width, zero } = args;
  const rows = logits.length / vocab;
  const top = Math.min(args.top, vocab);
  const params = (some: number, accumulate: boolean) =>
    packParams(u32(vocab), u32(some), u32(top), u32(accumulate ? 1 : 0));
  const peaks = b.scratch("column peaks", vocab);
  for (const { first, count, of } of rowBlocks(rows, logits)) {
    const bindings = {
      params: params(count, first > 0),
      width,
      labels: of(labels),
      x: of(logits),
      out: peaks,
    };
    b.dispatch(topColumnsKernel, bindings, [Math.ceil(vocab / 64)]);
  }
  const { order } = recordSortRows(b, { values: peaks, vocab, rows: zero, withOrder: true });
  if (!order) throw new Error("the sort kept no order, though it was asked to");
  const ids = b.scratch("top ids", top);
  const places = b.scratch("top places", vocab);
  recordFill(b, places, 0);
  const sorted = { params: params(rows, false), width, labels: order, x: peaks };
  b.dispatch(topIdsKernel, { ...sorted, out: ids }, [Math.ceil(top / 64)]);
  b.dispatch(topPlacesKernel, { ...sorted, out: places }, [Math.ceil(top / 64)]);
  return { ids, places };
}

export interface ProjectedKlArgs extends TopColumns, ChunkTables {
  /** [R, V]. */
  readonly student: Var;
  /** Mean log-probabilities of the teacher over the K ids [G, K]: a constant. */
  readonly teacher: Tensor;
  readonly temperature: number;
  /** W by rows: u32 [V, width] pairs (teacher id or NO_ROW, bits of the weight). */
  readonly byRow: Tensor;
  /** W by columns: u32 (Vt + 1), and pairs (student id, bits of the weight). */
  readonly starts: Tensor;
  readonly byColumn: Tensor;
  /** (G): 1 for a chunk, 0 for none. */
  readonly weight: Tensor;
  readonly scale: Binding;
}

/** Σ_g KL of the teacher's mean against the student's projected one; see the shader for both floors. */
export function recordProjectedKl(tape: Tape, args: ProjectedKlArgs): ChunkLoss {
  const { b } = tape;
  const { student: x, teacher, ids, chunks, weight } = args;
  const [rows = 0, vocab = 0] = x.shape;
  const [count, columns] = [weight.length, ids.length];
  const inverse = f32(1 / args.temperature);
  const stats = recordSoftmaxStats(b, { values: x.value, rows, stride: vocab, vocab }, args.temperature);
  const hat = b.scratch("projected", count * columns);
  for (const { first, count: some, of } of rowBlocks(rows, x.value)) {
    const params = packParams(u32(columns), u32(vocab), u32(first), u32(some), inverse);
    const map = { chunks, ids, starts: args.starts, entries: args.byColumn };
    const bindings = { params, ...map, x: of(x.value), stats: of(stats), out: hat };
    b.dispatch(projectKernel, bindings, [Math.ceil(columns / 64), count]);
  }
  const loss = b.scratch("projected KL", count);
  const slope = b.scratch("projected slope", count * columns);
  const inputs = { params: packParams(u32(columns)), weight, hat, log_q: teacher };
  b.dispatch(rowKernel(projectedKlKernel, columns), { ...inputs, loss, slope }, [count]);
  tape.push(() => {
    if (!x.needsGrad) return;
    const { tensor: dx, accumulate } = tape.gradTarget(x);
    const width = args.byRow.length / 2 / vocab;
    for (const { first, count: some, of } of rowBlocks(rows, x.value, dx)) {
      const sizes = [u32(vocab), u32(width), u32(columns), u32(first)];
      const params = packParams(...sizes, u32(accumulate ? 1 : 0), inverse);
      const map = { chunk_of: args.chunkOf, chunks, entries: args.byRow, places: args.places, slope };
      const bindings = { params, scale: args.scale, ...map, x: of(x.value), stats: of(stats), dx: of(dx) };
      b.dispatch(rowKernel(projectBackwardKernel, vocab), bindings, [some]);
    }
  });
  return { loss, totals: recordWeightedTotal(b, weight, loss) };
}
