// matmul, matmul_shared — plan (matmul_subgroup: nn-matmul-subgroup.test.ts)
//   matches the f64 oracle   × form {registers, shared} × layout {nt, nn, tn} × addend {none, bias, matrix}
//                            × accumulate {no, yes}
//                            × sizes {1×1×1, 1×5×3, 33×31×29, 65×34×1, 32×64×16, 67×130×37 (rows × cols × inner)}
//   the same bits            both forms add in the same order
//   huge and tiny            1e18·1e18 stays finite; 1e-18·1e-18 is not lost
//   one bad value            a NaN in a row of a reaches that row of out and no other
import { expect, test } from "vitest";
import {
  matmulForm,
  type MatmulForm,
  type MatmulLayout,
  matmulParams,
} from "../../src/student/ops/matmul-forms";
import { matmul, normals } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const forms = ["registers", "shared"] as const;

interface Case {
  form?: MatmulForm;
  layout: MatmulLayout;
  rows: number;
  cols: number;
  inner: number;
  addend?: "bias" | "matrix" | undefined;
  before?: Float32Array | undefined;
}

async function run(c: Case, a: Float32Array, b: Float32Array, addend: Float32Array) {
  const addendRow = c.addend && (c.addend === "bias" ? 0 : c.cols);
  const params = matmulParams({ ...c, accumulate: c.before !== undefined }, addendRow);
  const { spec, grid } = matmulForm(c.form ?? "registers", c, 0)!;
  const { out } = await runKernel(spec, {
    inputs: { params, a: guarded(a), b: guarded(b), addend: guarded(addend) },
    ...(c.before
      ? { outputs: {}, inout: { out: guarded(c.before) } }
      : { outputs: { out: c.rows * c.cols + GUARD } }),
    grid,
  });
  return out;
}

const sizes = [
  [1, 1, 1],
  [1, 5, 3],
  [33, 31, 29],
  [65, 34, 1],
  [32, 64, 16],
  [67, 130, 37],
] as const;

test.each(sizes.flatMap((size) => (["nt", "nn", "tn"] as const).map((layout) => ({ size, layout }))))(
  "matches the oracle: $size, $layout",
  async ({ size: [rows, cols, inner], layout }) => {
    const [a, b] = [normals(1, rows * inner), normals(2, inner * cols)];
    const product = matmul({ layout, rows, cols, inner }, a, b);
    for (const addend of [undefined, "bias", "matrix"] as const)
      for (const accumulate of [false, true]) {
        if (rows === 67 && (addend === "bias") === accumulate) continue; // the large size: half of the cases
        const extra = normals(3, rows * cols);
        const before = accumulate ? normals(4, rows * cols) : undefined;
        const [got, shared] = await Promise.all(
          forms.map((form) => run({ form, layout, rows, cols, inner, addend, before }, a, b, extra)),
        );
        expect(shared).toEqual(got);
        const want = product.map((value, i) => {
          const added = addend === undefined ? 0 : extra[addend === "bias" ? i % cols : i]!;
          return value + added + (before?.[i] ?? 0);
        });
        // Up to 37 products of standard normals: about as many roundings of partial sums near 5.
        expectGuarded(got, want, { rtol: 0, atol: 1e-5 }, `${addend} ${accumulate}`);
      }
  },
);

test.each([1e18, 1e-18])("values of %g", async (scale) => {
  const dims = { layout: "nt", rows: 7, cols: 9, inner: 5 } as const;
  const [a, b] = [normals(5, 35, scale), normals(6, 45, scale)];
  const got = await run(dims, a, b, new Float32Array(9));
  const smallest = 2 ** -126; // below it WGSL lets an adapter flush to zero, and some do: one such loss a product
  const atol = Math.max(1e-5 * scale * scale, dims.inner * smallest);
  expectGuarded(got, matmul(dims, a, b), { rtol: 0, atol });
});

test("a NaN stays in its row", async () => {
  const dims = { layout: "nn", rows: 6, cols: 5, inner: 3 } as const;
  const a = normals(7, 18);
  a[2 * 3 + 1] = NaN;
  const out = await run(dims, a, normals(8, 15), new Float32Array(5));
  const nan = [...out!.subarray(0, 30)].map(Number.isNaN);
  expect(nan).toEqual(nan.map((_, i) => Math.floor(i / 5) === 2));
});
