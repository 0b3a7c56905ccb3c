// matmul: the one matrix product, in the three layouts a linear layer needs, in the form that suits the device.
import type { Faster, ProgramBuilder } from "../../gpu/program";
import { subgroupLanes } from "../../gpu/subgroups";
import { matmulChoice } from "./matmul-choice";
import { type Matmul, matmulForm, matmulKernel, matmulParams } from "./matmul-forms";

/** Generation's products: tiles would be all but empty, and 4×4 blocks in registers are 1.7 times as fast. */
const FEW_ROWS = 4;

/** out (+)= product of a and b in the given layout (+ addend). */
export function recordMatmul(builder: ProgramBuilder, m: Matmul): void {
  const { rows, cols, a, b, out, addend } = m;
  const addendRow = addend && (addend.length === cols && rows > 1 ? 0 : cols);
  const params = matmulParams(m, addendRow);
  const grid = [Math.ceil(cols / 32), Math.ceil(rows / 32)] as const;
  const faster: Faster = (gpu) => {
    if (rows <= FEW_ROWS) return undefined;
    const lanes = subgroupLanes(gpu);
    const { first, otherwise } = matmulChoice(gpu);
    return matmulForm(first, m, lanes) ?? matmulForm(otherwise, m, lanes);
  };
  const flops = 2 * rows * cols * m.inner;
  builder.dispatch(matmulKernel, { params, a, b, addend: addend ?? a, out }, grid, { faster, flops });
}
