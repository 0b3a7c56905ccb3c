// The transport solver against its peers, and where its own time goes. What it measured is in docs/SINKHORN.md.
//
//   npm run bench:ot                       everything
//   npm run bench:ot -- peers cot cpu      some of: peers, kernels, cot, cpu, ragged
//   ROUNDS=15 npm run bench:ot             rounds of every comparison (default 9)
import { cpus } from "node:os";
import { create, globals } from "webgpu";
import { createRng } from "../src/config/rng";
import { openGpu, type Gpu } from "../src/gpu/device";
import { profile, type DispatchTime } from "../src/gpu/profile";
import { ProgramBuilder, type InputData, type Program } from "../src/gpu/program";
import {
  capacityFor,
  DEFAULT_SETTINGS,
  packProblems,
  pitchOf,
  placeProblems,
  PROBLEM_WORDS,
  recordCost,
  recordCostBackward,
  recordPlanGradient,
  recordSinkhorn,
  type OtSettings,
  type SweepKernels,
} from "../src/ot";
import type { PlanGradient } from "../src/config/transport";
import { solveBatchOnCpu } from "../src/ot/cpu";
import { exposeGpu, jaxRacers, tfRacer, type Batch, type Check } from "./ot-peers";
import { medianOf, race, type Racer } from "./race";

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
let rng = createRng(1);

Object.assign(globalThis, globals);
const instance = create([]); // must outlive the device
const gpu = await openGpu(instance);
const asked = process.argv.slice(2);
console.log(`${gpu.adapter.description || gpu.adapter.vendor}; ${cpus().length} cores, ${ROUNDS} rounds`);

/** A program that solves problems of these sizes from costs. */
async function solver(
  device: Gpu,
  sizes: readonly (readonly [number, number])[],
  settings: OtSettings,
  costs: (p: number) => ArrayLike<number>,
  kernels?: SweepKernels,
) {
  const problemSizes = sizes.map(([n, m]) => ({ xOffset: 0, n, yOffset: 0, m }));
  const capacity = capacityFor(problemSizes);
  const b = new ProgramBuilder("solve");
  const problems = b.input("problems", capacity.problems * PROBLEM_WORDS);
  const cost = b.input("cost", capacity.costElements);
  const solved = recordSinkhorn(b, { cost, problems, capacity, settings, ...(kernels ? { kernels } : {}) });
  b.output("state", solved.state);
  b.output("potentials", solved.potentials);
  const program = await b.build(device);
  const placed = placeProblems(problemSizes, capacity);
  const values = new Float32Array(capacity.costElements);
  placed.forEach((p, k) => {
    const c = costs(k);
    for (let i = 0; i < p.n; i++)
      for (let j = 0; j < p.m; j++) values[p.cost + i * p.pitch + j] = c[i * p.m + j] ?? NaN;
  });
  program.write({ problems: packProblems(problemSizes, capacity), cost: values });
  return { program, placed };
}

const uniform = (length: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, () => rng.next());

/** 8 problems of 128×160, exactly 50 sweeps: ours also writes the plan and its report. */
async function peers(): Promise<void> {
  const [P, n, m, sweeps, epsilon] = [8, 128, 160, 50, 0.1];
  const batch: Batch = { P, n, m, sweeps, epsilon, cost: uniform(P * n * m) };
  const costs = (p: number) => batch.cost.subarray(p * n * m, (p + 1) * n * m);
  const settings = { ...DEFAULT_SETTINGS, epsilon, relative: false, tolerance: 0, maxIterations: sweeps };
  const wanted = solveBatchOnCpu(
    Array.from({ length: P }, (_, p) => ({ n, m, cost: costs(p) })),
    settings,
  );
  const check: Check = (f, g) => {
    let worst = f.length === P * n && g.length === P * m ? 0 : Infinity;
    wanted.forEach((w, p) => {
      w.f.forEach((x, i) => (worst = Math.max(worst, Math.abs(x - (f[p * n + i] ?? NaN)))));
      w.g.forEach((x, j) => (worst = Math.max(worst, Math.abs(x - (g[p * m + j] ?? NaN)))));
    });
    return Number.isNaN(worst) ? Infinity : worst;
  };
  const sizes = Array.from({ length: P }, () => [n, m] as const);
  const { program, placed } = await solver(gpu, sizes, settings, costs);
  const ours: Racer = {
    name: "couplet",
    run: () => program.run({}, { read: ["state"] }),
    error: async () => {
      const { potentials } = await program.run({}, { read: ["potentials"] });
      const parts = (at: "f" | "g", size: number) =>
        placed.flatMap((p) => [...potentials.subarray(p[at], p[at] + size)]);
      return check(parts("f", n), parts("g", m));
    },
  };
  exposeGpu(instance);
  const racers = [ours, ...(await jaxRacers(batch, check)), await tfRacer(batch, check)];
  await race(`${P}×${n}×${m}, ${sweeps} sweeps; ratios to ours`, racers, ROUNDS, 1e-4);
  program.destroy();
}

/** A training step's transport as CoT2Align has it: 48 ragged pairs of sequences, forward and gradient. */
async function cot(): Promise<void> {
  const [P, D] = [48, 128];
  const length = () => 12 + Math.floor(rng.next() * 189); // 12 to 200
  let [rows, cols] = [0, 0];
  const sizes = Array.from({ length: P }, () => {
    const size = { xOffset: rows, n: length(), yOffset: cols, m: length() };
    rows += size.n;
    cols += size.m;
    return size;
  });
  const capacity = capacityFor(sizes);
  const features = (count: number) => Float32Array.from({ length: count * D }, () => rng.normal());
  const inputs: Record<string, InputData> = {
    problems: packProblems(sizes, capacity),
    x: features(rows),
    y: features(cols),
    weights: new Float32Array(P).fill(1 / P),
  };
  const elements = sizes.reduce((sum, s) => sum + s.n * s.m, 0);
  const stepOf = async (settings: Partial<OtSettings>, gradient: PlanGradient) => {
    const b = new ProgramBuilder(`cot ${gradient}`);
    const [x, y] = [b.input("x", rows * D), b.input("y", cols * D)];
    const problems = b.input("problems", P * PROBLEM_WORDS);
    const weights = b.input("weights", P);
    const cost = b.scratch("cost", capacity.costElements);
    const args = { x, y, D, problems, capacity, kind: "cosine", cost } as const;
    const saved = recordCost(b, args);
    const keepHistory = gradient === "unrolled";
    const solved = recordSinkhorn(b, {
      ...{ cost, problems, capacity, keepHistory },
      settings: { ...DEFAULT_SETTINGS, ...settings },
    });
    const dcost = recordPlanGradient(b, solved, gradient, weights);
    const [dx, dy] = [b.scratch("dx", rows * D), b.scratch("dy", cols * D)];
    recordCostBackward(b, { ...args, saved, dcost, dx, dy });
    b.output("state", solved.state);
    b.output("dx", dx);
    b.output("dy", dy);
    const program = await b.build(gpu);
    program.write(inputs);
    return program;
  };
  const exactly = { tolerance: 0, maxIterations: 50 };
  const programs = {
    "envelope, 50 sweeps": await stepOf(exactly, "envelope"),
    "implicit, tolerance 1e-5": await stepOf({}, "implicit"),
    "unrolled, 50 sweeps": await stepOf(exactly, "unrolled"),
  };
  const racers = Object.entries(programs).map(([name, program]): Racer => ({
    name,
    run: () => program.run({}, { read: ["state"] }),
  }));
  const title = `${P} ragged pairs, 12–200 long, d = ${D}, ${elements} elements, ε/mean(C) = 0.05: forward and gradient`;
  await race(title, racers, ROUNDS);
  for (const [name, program] of Object.entries(programs)) {
    console.log(`  shares, ${name}: ${await shares(program)}`);
    program.destroy();
  }
}

const PARTS: Record<string, RegExp> = {
  cost: /^(row_norms|cost_matrix|attention_cost)$/,
  sweeps: /^(sinkhorn|rows_|columns_)/,
  gradient: /./,
};

/** Shares of the GPU's time: cost matrices, sweeps (start and report included), gradient. */
async function shares(program: Program): Promise<string> {
  if (!gpu.device.features.has("timestamp-query")) return "no timestamp queries on this adapter";
  const runs: DispatchTime[][] = [];
  for (let i = 0; i < 5; i++) runs.push(await profile(program));
  const times = (runs[0] ?? []).map(({ label }, k) => ({
    label,
    ms: medianOf(runs.map((run) => run[k]?.ms ?? NaN)),
  }));
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  const of = new Map<string, number>();
  for (const { label, ms } of times) {
    const part = Object.keys(PARTS).find((name) => PARTS[name]?.test(label)) ?? "gradient";
    of.set(part, (of.get(part) ?? 0) + ms);
  }
  return [...of]
    .map(([part, ms]) => `${part} ${((100 * ms) / total).toFixed(0)} % (${ms.toFixed(1)} ms)`)
    .join(", ");
}

/** The twin without a GPU, on the problem that the page opens with. */
async function cpu(): Promise<void> {
  const cost = uniform(64 * 80);
  const options = { epsilon: 0.05, relative: true, tolerance: 0, maxIterations: 50 };
  const run = (history: boolean) => async () => {
    solveBatchOnCpu([{ n: 64, m: 80, cost }], { ...options, history });
  };
  await race(
    "CPU twin, 64×80, 50 sweeps",
    [
      { name: "plan", run: run(false) },
      { name: "plan and the history of its potentials", run: run(true) },
    ],
    ROUNDS * 3,
  );
}

/** Mixed sizes against the same number of problems, each padded to the largest. */
async function ragged(): Promise<void> {
  const sizes = Array.from({ length: 24 }, (_, p): [number, number] => {
    const side = () => 12 + Math.floor(rng.next() * 189);
    return p === 0 ? [200, 200] : [side(), side()];
  });
  const settings = { ...DEFAULT_SETTINGS, tolerance: 0, maxIterations: 50 };
  const made = (of: readonly (readonly [number, number])[]) =>
    solver(gpu, of, settings, (p) => uniform((of[p]?.[0] ?? 0) * (of[p]?.[1] ?? 0)));
  const mixed = await made(sizes);
  const padded = await made(sizes.map(() => [200, 200] as const));
  const total = sizes.reduce((sum, [n, m]) => sum + n * pitchOf(m), 0);
  await race(
    `24 mixed sizes up to 200×200, 50 sweeps: ${((100 * total) / (24 * 200 * 200)).toFixed(0)} % of the padded elements`,
    [
      { name: "mixed", run: () => mixed.program.run({}, { read: ["state"] }) },
      { name: "padded to the largest", run: () => padded.program.run({}, { read: ["state"] }) },
    ],
    ROUNDS,
  );
  mixed.program.destroy();
  padded.program.destroy();
}

/** Which kernels win where: ratios to the portable ones. */
async function kernels(): Promise<void> {
  const settings = { ...DEFAULT_SETTINGS, epsilon: 0.1, relative: false, tolerance: 0, maxIterations: 20 };
  const shapes = [
    [1, 24, 24],
    [48, 24, 24],
    [8, 64, 80],
    [8, 128, 160],
    [1, 256, 256],
    [8, 256, 256],
    [1, 512, 512],
    [4, 512, 512],
    [1, 1024, 1024],
  ] as const;
  for (const [P, n, m] of shapes) {
    const cost = uniform(n * m);
    const sizes = Array.from({ length: P }, () => [n, m] as const);
    const racers: Racer[] = [];
    const programs: Program[] = [];
    for (const name of ["portable", "fused", "wide"] as const) {
      const { program } = await solver(gpu, sizes, settings, () => cost, name);
      programs.push(program);
      racers.push({ name, run: () => program.run({}, { read: ["state"] }) });
    }
    await race(`${P}×${n}×${m}, 20 sweeps`, racers, ROUNDS);
    programs.forEach((program) => program.destroy());
  }
}

const parts = { peers, kernels, cot, cpu, ragged };
for (const [name, part] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  rng = createRng(1); // the same problems, whatever else was asked for
  await part();
}
process.exit(0);
