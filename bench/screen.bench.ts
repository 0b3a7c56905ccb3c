// Who should solve a problem of the Transport screen: the CPU twin against the WGSL kernels, per size, with history and
// the gradient through every sweep, as the screen asks. Prints where the GPU begins to win: WORTH_A_GPU.
//
//   npm run bench:screen
import { createRng } from "../src/config/rng";
import { openNodeGpu } from "../src/cli/node-gpu";
import { solverGpuOn } from "../src/worker/solver-gpu";
import { WORTH_A_GPU } from "../src/worker/solver-route";
import { solveScreenProblem } from "../src/worker/screen-problem";
import type { ScreenProblem } from "../src/worker/protocol";
import { medianOf } from "./race";

const SIZES = [
  [12, 8],
  [48, 25],
  [100, 70],
  [200, 140],
  [417, 272],
] as const;
const D = 64;
const SWEEPS = 50;
const ROUNDS = 7;

const states = (rows: number, seed: number): Float32Array => {
  const rng = createRng(seed);
  return Float32Array.from({ length: rows * D }, () => rng.normal());
};
const question = (n: number, m: number): ScreenProblem => ({
  ...{ n, m },
  states: { d: D, student: states(n, 1), teacher: states(m, 2), fit: undefined },
  ...{ cost: "cosine", scheme: "log", epsilon: 0.1, relative: true, maxIterations: SWEEPS, tolerance: 0 },
  masses: { student: new Float64Array(n).fill(1 / n), teacher: new Float64Array(m).fill(1 / m) },
  ...{ relaxed: "none", tau: 1, solver: "auto", gradient: "unrolled" },
});

const gpu = solverGpuOn(await openNodeGpu());
console.log(
  `${gpu.adapter}; ${SWEEPS} sweeps; medians of ${ROUNDS}; threshold ${WORTH_A_GPU} cells × sweeps`,
);
for (const [n, m] of SIZES) {
  const q = question(n, m);
  const times = { cpu: [] as number[], gpu: [] as number[] };
  solveScreenProblem(q);
  await gpu.solve(q);
  for (let i = 0; i < ROUNDS; i++) {
    times.cpu.push(solveScreenProblem(q).ms);
    times.gpu.push((await gpu.solve(q)).ms);
  }
  const [cpu, other] = [medianOf(times.cpu), medianOf(times.gpu)];
  const work = n * m * SWEEPS;
  console.log(
    `${`${n}×${m}`.padEnd(8)} ${String(work).padStart(8)} cells × sweeps   CPU ${cpu.toFixed(1)} ms (${((1e6 * cpu) / work).toFixed(1)} ns each)   GPU ${other.toFixed(1)} ms   ratio ${(cpu / other).toFixed(2)}`,
  );
}
gpu.destroy();
