// matmul_nt, matmul_nn, matmul_tn (subgroups) — plan
//   matches the f64 oracle   × layout × addend {none, bias, matrix} × accumulate {no, yes} × lanes {8, 32}
//                            × sizes across every edge: rows 1, 8, 15, 17, 33; cols 4, 36, 132; inner 4, 20, 1 (tn)
//   refuses                  sizes that are no multiples of 4, and devices without subgroups
//   a chosen program         `recordMatmul` takes this kernel here, and the plain one for odd sizes; both are right
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import { subgroupLanes } from "../../src/gpu/subgroups";
import { recordMatmul } from "../../src/student/ops/matmul";
import { matmulForm, type MatmulLayout, matmulParams } from "../../src/student/ops/matmul-forms";
import { matmul, normals } from "../oracle/nn";
import { runKernel, testGpu } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

test("there are subgroups to test with", () => {
  expect(subgroupLanes(gpu)).toBeGreaterThanOrEqual(8);
});

// The guard is made of whole vec4s: a vec4 array ignores a last incomplete one.
const TAIL = Math.floor(GUARD / 4) * 4;
const tailed = (values: Float32Array) => guarded(values).subarray(0, values.length + TAIL);

interface Case {
  layout: MatmulLayout;
  rows: number;
  cols: number;
  inner: number;
}

const cases: Case[] = (["nt", "nn", "tn"] as const).flatMap((layout) =>
  (
    [
      [4, 4, 4],
      [8, 36, 20],
      [layout === "tn" ? 16 : 15, 132, 8],
      [layout === "tn" ? 20 : 17, 4, 12],
      [layout === "tn" ? 36 : 33, 36, layout === "tn" ? 1 : 4],
      [layout === "tn" ? 24 : 1, 64, layout === "tn" ? 7 : 16],
    ] as const
  ).map(([rows, cols, inner]) => ({ layout, rows, cols, inner })),
);

describe.each([8, 32])("%i lanes", (lanes) => {
  test.each(cases)("matches the oracle: $layout, $rows×$cols×$inner", async (c) => {
    const { rows, cols, inner } = c;
    const [a, b] = [normals(1, rows * inner), normals(2, inner * cols)];
    const product = matmul(c, a, b);
    const { spec, grid } = matmulForm("subgroup", c, lanes)!;
    for (const addend of [undefined, "bias", "matrix"] as const)
      for (const accumulate of [false, true]) {
        const extra = normals(3, rows * cols);
        const before = normals(4, rows * cols);
        const params = matmulParams({ ...c, accumulate }, addend && (addend === "bias" ? 0 : cols));
        const { out } = await runKernel(spec, {
          inputs: { params, a: tailed(a), b: tailed(b), addend: tailed(extra) },
          ...(accumulate
            ? { outputs: {}, inout: { out: tailed(before) } }
            : { outputs: { out: rows * cols + TAIL } }),
          grid,
        });
        const want = product.map((value, i) => {
          const added = addend === undefined ? 0 : extra[addend === "bias" ? i % cols : i]!;
          return value + added + (accumulate ? before[i]! : 0);
        });
        // Up to 20 products of standard normals: about 20 roundings of partial sums near 5.
        expectGuarded(out, want, { rtol: 0, atol: 1e-5 }, `${addend} ${accumulate}`);
      }
  });
});

test("refuses what it cannot read as vec4", () => {
  const dims = { layout: "nt", rows: 7, cols: 8, inner: 8 } as const;
  expect(matmulForm("subgroup", dims, 32)).toBeDefined();
  expect(matmulForm("subgroup", dims, 0)).toBeUndefined();
  expect(matmulForm("subgroup", { ...dims, cols: 10 }, 32)).toBeUndefined();
  expect(matmulForm("subgroup", { ...dims, inner: 6 }, 32)).toBeUndefined();
  expect(matmulForm("subgroup", { ...dims, layout: "tn" }, 32)).toBeUndefined();
});

test.each([
  [20, /^matmul_nt$/],
  [21, /^matmul(_shared)?$/], // which of the two, the kind of adapter decides
])("recordMatmul with %i columns takes %s", async (cols, entry) => {
  const dims = { layout: "nt", rows: 9, cols, inner: 8 } as const;
  const [a, b] = [normals(5, 72), normals(6, cols * 8)];
  const builder = new ProgramBuilder("chosen");
  const out = builder.scratch("out", 9 * cols);
  recordMatmul(builder, { ...dims, a: builder.input("a", 72), b: builder.input("b", cols * 8), out });
  builder.output("out", out);
  const program = await builder.build(gpu);
  expect(program.listing().map(({ label }) => label)).toEqual([expect.stringMatching(entry)]);
  const got = await program.run({ a, b }, { read: ["out"] });
  expectGuarded(got.out, matmul(dims, a, b), { rtol: 0, atol: 1e-5 });
  program.destroy();
});
