// add_positions: learned positions, and their gradient. See shaders/nn/add_positions.wgsl.
import flatIndex from "../../../shaders/lib/flat_index.wgsl?raw";
import addPositions_ from "../../../shaders/nn/add_positions.wgsl?raw";
import addPositionsBackward from "../../../shaders/nn/add_positions_backward.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";
import { foldGrid } from "../grid";
import type { Tape, Var } from "../tape";
import { recordIntoRanges, recordJoined } from "./columns";

export const addPositionsKernel = defineKernel({
  entry: "add_positions",
  code: [flatIndex, addPositions_],
  bindings: { params: "uniform", start: "read", x: "read", table: "read", y: "write" },
});

export const addPositionsBackwardKernel = defineKernel({
  entry: "add_positions_backward",
  code: [flatIndex, addPositionsBackward],
  bindings: { params: "uniform", dy: "read", dtable: "write" },
});

/**
 * x (B·T, D) plus the rows of table (positions, D) from each row's start on.
 * The adjoint takes every row to start at 0, as batches in training do.
 */
export function addPositions(
  tape: Tape,
  x: Var,
  table: Var,
  { length, start }: { length: number; start: Tensor },
): Var {
  const [rows = 0, width = 0] = x.shape;
  const y = tape.result("embedding with positions", x.shape, [x, table]);
  const params = packParams(u32(y.value.length), u32(length), u32(width));
  const bindings = { params, start, x: x.value, table: recordJoined(tape.b, table.value), y: y.value };
  tape.b.dispatch(addPositionsKernel, bindings, foldGrid(y.value.length));
  tape.record(y, (dy) => {
    tape.passGrad(x, dy, y);
    if (!table.needsGrad) return;
    const target = tape.gradTarget(table);
    const split = target.tensor.place.kind === "split";
    const dtable = split ? tape.b.scratch("dpositions", table.value.length) : target.tensor;
    const accumulate = target.accumulate && !split;
    const sizes = [table.value.length, rows / length, length * width, accumulate ? 1 : 0].map(u32);
    const backward = { params: packParams(...sizes), dy, dtable };
    tape.b.dispatch(addPositionsBackwardKernel, backward, foldGrid(table.value.length));
    if (split) recordIntoRanges(tape.b, dtable, target);
  });
  return y;
}
