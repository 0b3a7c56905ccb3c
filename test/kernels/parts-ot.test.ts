// couplet/ot's door to both solvers — plan
//   targets     a caller's device, the twin, "auto" without WebGPU; who answered is said; both agree
//   rows        lists of rows, typed arrays of rows and flat arrays are the same problem
//   errors      problems, fields, settings and devices, each by name; a lost device
//   thread      many problems on the CPU let other work in between
//   prepare     features in, plan and gradients out in the caller's buffers and pass, against the twin; poisoned first;
//               other sizes; given costs, masses and weights; errors by name
import { beforeAll, describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import { type OtOptions, prepare, solve, solveOnCpu } from "../../src/parts/ot";
import { normals, uniforms } from "../oracle/ot-random";
import { ownGpu, testGpu } from "../support/gpu";

let gpu: Gpu;
let device: GPUDevice;
beforeAll(async () => {
  gpu = await testGpu();
  ({ device } = gpu);
});

const close = (got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number): void => {
  expect(got.length).toBe(want.length);
  let [difference, size] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    difference += (got[i]! - want[i]!) ** 2;
    size += want[i]! ** 2;
  }
  expect(Math.sqrt(difference / Math.max(size, 1e-30))).toBeLessThan(tolerance); // NaN is not
};

const rows = (n: number, width: number, seed: number): number[][] => uniforms(n, width, seed);

describe("solve", () => {
  test("a caller's device and the twin agree, and say who they are", async () => {
    const problems = [{ cost: rows(7, 11, 1) }, { cost: rows(1, 5, 2), b: [0.1, 0.2, 0, 0.3, 0.4] }];
    const settings: OtOptions = { epsilon: 0.1, gradient: "implicit", history: true };
    const onGpu = await solve(problems, settings, { device });
    const onCpu = await solve(problems, settings, { device: "cpu" });
    onGpu.forEach((solution, k) => {
      close(solution.plan, onCpu[k]!.plan, 1e-4);
      close(solution.dcost!, onCpu[k]!.dcost!, 1e-3);
      expect(solution.history!.error.length).toBe(solution.iterations + 1);
      expect(solution.by).toEqual({ device: "gpu", adapter: expect.stringMatching(/\w/) });
      expect(onCpu[k]!.by).toEqual({ device: "cpu", why: "asked" });
    });
    expect(onCpu.map(({ plan }) => plan)).toEqual(solveOnCpu(problems, settings).map(({ plan }) => plan));
  });

  test("without WebGPU, auto is the twin and says why; gpu is an error", async () => {
    const [solution] = await solve([{ cost: [[0]] }]);
    expect(solution!.by).toEqual({ device: "cpu", why: expect.stringContaining("navigator.gpu is missing") });
    await expect(solve([{ cost: [[0]] }], {}, { device: "gpu" })).rejects.toThrow(/no WebGPU here.*In Node/);
  });

  test("rows of lists, of typed arrays, and flat arrays are one problem", async () => {
    const cost = rows(3, 2, 5);
    const flat = { n: 3, m: 2, cost: cost.flat() };
    const typed = { cost: cost.map((row) => Float64Array.from(row)) };
    const plans = solveOnCpu([{ cost }, typed, flat]).map(({ plan }) => plan);
    expect(plans[1]).toEqual(plans[0]);
    expect(plans[2]).toEqual(plans[0]);
  });

  test("a divergence is 0 on itself and positive otherwise", async () => {
    const x = rows(4, 3, 1);
    const problems = [x, rows(5, 3, 2)].map((y) => ({ x, y, kind: "sqeuclidean" }) as const);
    const [same, other] = await solve(problems, { divergence: true }, { device: "cpu" });
    expect(Math.abs(same!.divergence!)).toBeLessThan(1e-6);
    expect(other!.divergence!).toBeGreaterThan(1e-3);
  });

  const wrong = (problems: unknown, settings: unknown = {}, target: unknown = { device: "cpu" }) =>
    solve(problems as never, settings as never, target as never);
  test.each([
    ["no list", { cost: [[1]] }, {}, /problems: expected a list.*\[problem\]/],
    [
      "no numbers",
      [{ cost: [[0]] }, { cost: [["1"]] }],
      {},
      /problem 1: cost: expected finite numbers, got 1/,
    ],
    ["ragged", [{ cost: [[0, 1], [1]] }], {}, /ragged: row 1 holds 1 numbers, row 0 2/],
    ["no kind", [{ x: [[1]], y: [[1]] }], {}, /kind: expected one of euclidean/],
    [
      "flat without a list",
      [{ n: 1, m: 1 }],
      {},
      /problem 0: cost: expected an array of numbers, got undefined/,
    ],
    ["null masses", [{ n: 1, m: 1, cost: [0], a: null }], {}, /problem 0: a: .*got null/],
    ["masses", [{ cost: [[0, 1]], b: [0.2, 0.2] }], {}, /problem 0: b: masses must sum to 1/],
    ["a misspelt setting", [{ cost: [[0]] }], { eps: 1 }, /no setting "eps"; settings are epsilon, relative/],
    [
      "a scheme",
      [{ cost: [[0]] }],
      { scheme: "fast" },
      /scheme must be one of log, multiplicative, got "fast"/,
    ],
    ["a gradient", [{ cost: [[0]] }], { gradient: "exact" }, /gradient must be one of none, unrolled/],
    ["an objective", [{ cost: [[0]] }], { objective: "loss" }, /objective must be one of cost, value/],
    ["no number", [{ cost: [[0]] }], { epsilon: "1" }, /epsilon must be a number > 0/],
  ])("%s", async (_, problems, settings, message) => {
    await expect(wrong(problems, settings)).rejects.toThrow(message);
  });
  test.each([{}, "webgpu", 7, null])("%j is no device", (target) =>
    expect(wrong([{ cost: [[0]] }], {}, { device: target })).rejects.toThrow(/expected a GPUDevice/),
  );

  test("what is undefined is the default", () =>
    expect(solveOnCpu([{ cost: [[0, 1]] }], { epsilon: undefined } as never)[0]!.epsilon).toBe(0.025));

  test("a lost device is said so", async () => {
    const own = await ownGpu();
    own.device.destroy();
    await own.lost;
    const solving = solve([{ cost: [[0, 1]] }], {}, { device: own.device });
    await expect(solving).rejects.toThrow(/device was lost.*Open another/);
  });

  test("the twin lets other work in", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    const problem = { cost: rows(60, 60, 1) };
    await solve(
      Array.from({ length: 12 }, () => problem),
      { tolerance: 0, maxIterations: 400 },
      { device: "cpu" },
    );
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });
});

const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = globalThis.GPUBufferUsage;

function bufferOf(values: Float32Array): GPUBuffer {
  const buffer = device.createBuffer({ size: values.byteLength, usage: STORAGE | COPY_DST | COPY_SRC });
  device.queue.writeBuffer(buffer, 0, values as GPUAllowSharedBufferSource);
  return buffer;
}

async function valuesOf({ buffer, offset = 0 }: { buffer: GPUBuffer; offset?: number }, length: number) {
  const staging = device.createBuffer({ size: 4 * length, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, 4 * length);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Float32Array(staging.getMappedRange());
}

function runOnce(program: { encode(pass: GPUComputePassEncoder): void }): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  program.encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

describe("prepare", () => {
  const d = 8;
  const sizes = [
    { n: 5, m: 7 },
    { n: 1, m: 3 },
    { n: 13, m: 6 },
  ];
  const settings: OtOptions = { epsilon: 0.1, gradient: "implicit", objective: "value" };

  test.each(["cosine", "sqeuclidean"] as const)("%s: plan and gradients stay on the GPU", async (kind) => {
    const sides = sizes.map(({ n, m }, k) => ({ x: normals(n, d, 2 * k + 1), y: normals(m, d, 2 * k + 2) }));
    const want = solveOnCpu(
      sides.map(({ x, y }) => ({ x, y, kind })),
      settings,
    );
    const x = Float32Array.from(sides.flatMap((side) => side.x.flat()));
    const y = Float32Array.from(sides.flatMap((side) => side.y.flat()));
    const poison = (like: Float32Array) => bufferOf(new Float32Array(like.length).fill(NaN));
    const [dx, dy] = [poison(x), poison(y)];
    const program = await prepare(
      device,
      { sizes, features: { kind, d, x: bufferOf(x), y: bufferOf(y), dx, dy } },
      settings,
    );
    runOnce(program);
    const reports = await program.report();
    const { plan } = program.buffers;
    const plans = await valuesOf(plan, plan.size / 4);
    const matrix = (values: Float32Array, { n, m, matrix: at, pitch }: (typeof program.places)[number]) =>
      Float64Array.from({ length: n * m }, (_, e) => values[at + Math.floor(e / m) * pitch + (e % m)]!);
    want.forEach((solution, k) => {
      close(matrix(plans, program.places[k]!), solution.plan, 1e-3);
      expect(reports[k]!.converged).toBe(true);
      expect(reports[k]!.value / solution.value).toBeCloseTo(1, 4);
    });
    close(
      await valuesOf({ buffer: dx }, x.length),
      want.flatMap((s) => [...s.dx!]),
      5e-3,
    );
    close(
      await valuesOf({ buffer: dy }, y.length),
      want.flatMap((s) => [...s.dy!]),
      5e-3,
    );

    // Fewer and smaller problems in the same program: rows are read from the front again.
    const [only] = program.resize([{ n: 4, m: 7 }]);
    runOnce(program);
    const small = await valuesOf(plan, plan.size / 4);
    const [alone] = solveOnCpu(
      [{ n: 4, m: 7, d, x: x.slice(0, 4 * d), y: y.slice(0, 7 * d), kind }],
      settings,
    );
    close(matrix(small, only!), alone!.plan, 1e-3);
    expect(await program.report()).toHaveLength(1);
    expect(() => program.resize([{ n: 4, m: 8 }])).toThrow(/columns: at most 7, got 8/);
    program.destroy();
  });

  test("given costs, masses and weights, from an offset", async () => {
    const cost = rows(3, 5, 9);
    const [a, b] = [
      [0.5, 0, 0.5],
      [0.1, 0.2, 0.3, 0.2, 0.2],
    ];
    const padded = new Float32Array(64 + 3 * 8).fill(NaN);
    cost.forEach((row, i) => padded.set(row, 64 + 8 * i));
    const masses = Float32Array.from([...a, ...b, 0, 0, 0]);
    const program = await prepare(
      device,
      {
        sizes: [{ n: 3, m: 5 }],
        cost: { buffer: bufferOf(padded), offset: 256 },
        masses: bufferOf(masses),
        weights: bufferOf(Float32Array.of(-2)),
      },
      { gradient: "envelope" },
    );
    expect(program.places).toEqual([{ n: 3, m: 5, matrix: 0, pitch: 8, f: 0, g: 3, xRow: 0, yRow: 0 }]);
    expect(program.lengths).toEqual({ matrices: 24, vectors: 11 });
    runOnce(program);
    const [want] = solveOnCpu([{ cost, a, b }]);
    const { plan, dcost } = program.buffers;
    const inside = (values: Float32Array) => [0, 8, 16].flatMap((at) => [...values.subarray(at, at + 5)]);
    close(inside(await valuesOf(plan, 24)), want!.plan, 1e-4);
    close(
      inside(await valuesOf(dcost!, 24)),
      want!.plan.map((p) => -2 * p),
      1e-4,
    );
    program.destroy();
  });

  test.each([
    ["no size", { sizes: [] }, /sizes: expected at least one problem/],
    ["a size", { sizes: [{ n: 1025, m: 1 }] }, /sizes: problem 0: n must be 1 to 1024, got 1025/],
    ["no costs", { sizes: [{ n: 1, m: 1 }] }, /give either cost or features/],
    [
      "a short buffer",
      { sizes: [{ n: 9, m: 1 }], short: true },
      /cost: needs 144 bytes from 0 on, the buffer has 16/,
    ],
    ["a width", { sizes: [{ n: 1, m: 1 }], d: 6 }, /d must be a multiple of 4/],
  ])("%s", async (_, { sizes: wanted, ...rest }, message) => {
    const cost = bufferOf(new Float32Array(4));
    const shape = {
      sizes: wanted,
      ...("short" in rest && { cost }),
      ...("d" in rest && { features: { kind: "cosine" as const, d: rest.d, x: cost, y: cost } }),
    };
    await expect(prepare(device, shape)).rejects.toThrow(message);
  });

  test("a buffer without STORAGE", async () => {
    const cost = device.createBuffer({ size: 64, usage: COPY_DST });
    await expect(prepare(device, { sizes: [{ n: 1, m: 1 }], cost })).rejects.toThrow(/cost: .*STORAGE/);
  });
});
