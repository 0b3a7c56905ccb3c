// matmul: the one matrix product, in the three layouts a linear layer needs. See shaders/nn/matmul.wgsl.
import matmul from "../../../shaders/nn/matmul.wgsl?raw";
import { defineKernel } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";

export const matmulKernel = defineKernel({
  entry: "matmul",
  code: [matmul],
  bindings: { params: "uniform", a: "read", b: "read", addend: "read", out: "write" },
});

/** Which operand is stored transposed: "nt" is a·bᵀ, "nn" is a·b, "tn" is aᵀ·b; all stored row-major. */
export type MatmulLayout = "nt" | "nn" | "tn";

export interface Matmul {
  readonly layout: MatmulLayout;
  readonly rows: number;
  readonly cols: number;
  readonly inner: number;
  readonly a: Tensor;
  readonly b: Tensor;
  readonly out: Tensor;
  /** A bias (cols) or a matrix like out (rows·cols), added to the product. */
  readonly addend?: Tensor | undefined;
  readonly accumulate?: boolean;
}

/** The bytes of `Params`, in the order of the WGSL struct. */
export function matmulParams(m: Omit<Matmul, "a" | "b" | "out" | "addend">, addendRow?: number): ArrayBuffer {
  const { layout, rows, cols, inner } = m;
  const [aRow, aInner] = layout === "tn" ? [1, rows] : [inner, 1];
  const [bInner, bCol] = layout === "nt" ? [1, inner] : [cols, 1];
  const sizes = [rows, cols, inner, aRow, aInner, bInner, bCol].map(u32);
  const add = addendRow === undefined ? 0 : 1;
  return packParams(...sizes, u32(addendRow ?? 0), u32(add), u32(m.accumulate ? 1 : 0));
}

/** out (+)= product of a and b in the given layout (+ addend). */
export function recordMatmul(builder: ProgramBuilder, m: Matmul): void {
  const { rows, cols, a, b, out, addend } = m;
  const addendRow = addend && (addend.length === cols && rows > 1 ? 0 : cols);
  const params = matmulParams(m, addendRow);
  const grid = [Math.ceil(cols / 32), Math.ceil(rows / 32)] as const;
  builder.dispatch(matmulKernel, { params, a, b, addend: addend ?? a, out }, grid);
}
