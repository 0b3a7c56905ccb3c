// matmul: the one matrix product, in the three layouts a linear layer needs. See shaders/nn/matmul.wgsl.
import matmul from "../../../shaders/nn/matmul.wgsl?raw";
import matmulSubgroup from "../../../shaders/nn/matmul_subgroup.wgsl?raw";
import { defineKernel, type Grid, type KernelSpec } from "../../gpu/kernel";
import type { Gpu } from "../../gpu/device";
import { packParams, u32 } from "../../gpu/params";
import type { ProgramBuilder, Tensor } from "../../gpu/program";

export const matmulKernel = defineKernel({
  entry: "matmul",
  code: [matmul],
  bindings: { params: "uniform", a: "read", b: "read", addend: "read", out: "write" },
});

/** The layout's kernel for subgroups of `lanes`. See shaders/nn/matmul_subgroup.wgsl. */
export const matmulSubgroupKernel = (layout: MatmulLayout, lanes: number) =>
  defineKernel({
    entry: `matmul_${layout}`,
    code: ["enable subgroups;", matmulSubgroup],
    bindings: matmulKernel.bindings,
    constants: { WG: lanes },
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

/** Subgroups in use on a device: 0 when it has none, or they may be too small to hold 8 rows. */
function subgroupLanes({ device }: Gpu): number {
  if (!device.features.has("subgroups")) return 0;
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = device.adapterInfo;
  return subgroupMinSize < 8 ? 0 : Math.min(64, subgroupMaxSize);
}

type Dims = Pick<Matmul, "layout" | "rows" | "cols" | "inner">;

/** The subgroup kernel where device and sizes allow it: all matrices are read as vec4. */
export function fasterMatmul(
  { layout, rows, cols, inner }: Dims,
  gpu: Gpu,
): { spec: KernelSpec; grid: Grid } | undefined {
  const lanes = subgroupLanes(gpu);
  const along = layout === "tn" ? rows : inner;
  if (lanes === 0 || cols % 4 !== 0 || along % 4 !== 0) return undefined;
  return {
    spec: matmulSubgroupKernel(layout, lanes),
    grid: [Math.ceil(cols / (4 * lanes)), Math.ceil(rows / 8)],
  };
}

/** out (+)= product of a and b in the given layout (+ addend). */
export function recordMatmul(builder: ProgramBuilder, m: Matmul): void {
  const { rows, cols, a, b, out, addend } = m;
  const addendRow = addend && (addend.length === cols && rows > 1 ? 0 : cols);
  const params = matmulParams(m, addendRow);
  const grid = [Math.ceil(cols / 32), Math.ceil(rows / 32)] as const;
  builder.dispatch(matmulKernel, { params, a, b, addend: addend ?? a, out }, grid, (gpu) =>
    fasterMatmul(m, gpu),
  );
}
