// The matrix product in its three layouts and its forms: kernels, parameters, grids. See shaders/nn/matmul*.wgsl.
import matmul from "../../../shaders/nn/matmul.wgsl?raw";
import matmulShared from "../../../shaders/nn/matmul_shared.wgsl?raw";
import matmulSubgroup from "../../../shaders/nn/matmul_subgroup.wgsl?raw";
import { defineKernel, type Grid } from "../../gpu/kernel";
import { packParams, u32 } from "../../gpu/params";
import type { Tensor } from "../../gpu/program";

export const matmulKernel = defineKernel({
  entry: "matmul",
  code: [matmul],
  bindings: { params: "uniform", a: "read", b: "read", addend: "read", out: "write" },
});

/** The same with tiles in workgroup memory. See shaders/nn/matmul_shared.wgsl. */
const matmulSharedKernel = defineKernel({
  entry: "matmul_shared",
  code: [matmulShared],
  bindings: matmulKernel.bindings,
});

/** The layout's kernel for subgroups of `lanes`. See shaders/nn/matmul_subgroup.wgsl. */
const matmulSubgroupKernel = (layout: MatmulLayout, lanes: number) =>
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

/**
 * The bytes of `Params`, in the order of the WGSL struct.
 *
 * @param chunk of the inner sum, for a product in parts.
 */
export function matmulParams(
  m: Omit<Matmul, "a" | "b" | "out" | "addend">,
  addendRow?: number,
  chunk = m.inner,
): ArrayBuffer {
  const { layout, rows, cols, inner } = m;
  const [aRow, aInner] = layout === "tn" ? [1, rows] : [inner, 1];
  const [bInner, bCol] = layout === "nt" ? [1, inner] : [cols, 1];
  const sizes = [rows, cols, inner, aRow, aInner, bInner, bCol].map(u32);
  const add = addendRow === undefined ? 0 : 1;
  return packParams(...sizes, u32(addendRow ?? 0), u32(add), u32(m.accumulate ? 1 : 0), u32(chunk));
}

export type MatmulDims = Pick<Matmul, "layout" | "rows" | "cols" | "inner">;

/** The forms of the product; docs/STUDENT.md says which is chosen when. */
export type MatmulForm = "registers" | "shared" | "subgroup";

/**
 * A form's kernel and grid for given sizes; undefined where device or sizes do not allow it.
 *
 * @param parts of the inner sum, each a layer of the grid; more than one for tn alone.
 */
export function matmulForm(
  form: MatmulForm,
  { layout, rows, cols, inner }: MatmulDims,
  lanes: number,
  parts = 1,
): { spec: typeof matmulKernel; grid: Grid } | undefined {
  const blocks = (width: number, height: number): Grid => [
    Math.ceil(cols / width),
    Math.ceil(rows / height),
    parts,
  ];
  switch (form) {
    case "registers":
      return { spec: matmulKernel, grid: blocks(32, 32) };
    case "shared":
      return { spec: matmulSharedKernel, grid: blocks(64, 64) };
    case "subgroup": {
      const along = layout === "tn" ? rows : inner; // all matrices are read as vec4
      if (lanes === 0 || cols % 4 !== 0 || along % 4 !== 0) return undefined;
      return { spec: matmulSubgroupKernel(layout, lanes), grid: blocks(4 * lanes, 16) };
    }
  }
}
