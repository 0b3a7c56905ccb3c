// How fast this adapter is at the two things that a run does most, and the CPU at the one that it can do too.
import { createRng } from "../config/rng";
import type { Gpu } from "../gpu/device";
import { ProgramBuilder } from "../gpu/program";
import { solveBatch } from "../ot";
import { solveBatchOnCpu } from "../ot/cpu";
import { recordMatmul } from "../student/ops/matmul";
import type { BenchmarkRecord } from "../telemetry";

const ROUNDS = 5;
/** 16 products of 256³: 0.54 GFLOP a round, a second on the slowest adapter that is worth using. */
const PRODUCT = { size: 256, repeats: 16 };
/** Eight pairs of sentences, every one with 50 sweeps. */
const TRANSPORT = { problems: 8, n: 48, m: 40, sweeps: 50 };

export async function benchmark(gpu: Gpu): Promise<BenchmarkRecord[]> {
  return [await timeProducts(gpu), await timeTransport("gpu", gpu), await timeTransport("cpu", gpu)];
}

async function timeProducts(gpu: Gpu): Promise<BenchmarkRecord> {
  const { size, repeats } = PRODUCT;
  const b = new ProgramBuilder("benchmark matmul");
  const [x, y] = [b.input("x", size * size), b.input("y", size * size)];
  const z = b.scratch("z", size * size);
  for (let i = 0; i < repeats; i++)
    recordMatmul(b, { layout: "nt", rows: size, cols: size, inner: size, a: x, b: y, out: z });
  b.output("z", z);
  const program = await b.build(gpu);
  const values = Float32Array.from({ length: size * size }, (_, i) => (i % 13) / 13);
  try {
    const ms = await best(() => program.run({ x: values, y: values }, { read: ["z"] }));
    const rate = (2 * size ** 3 * repeats) / (ms / 1000) / 1e9;
    return { what: "matmul", where: "gpu", ms, rate, unit: "GFLOP/s" };
  } finally {
    program.destroy();
  }
}

async function timeTransport(where: "gpu" | "cpu", gpu: Gpu): Promise<BenchmarkRecord> {
  const { problems, n, m, sweeps } = TRANSPORT;
  const rng = createRng(1);
  const batch = Array.from({ length: problems }, () => ({
    n,
    m,
    cost: Float32Array.from({ length: n * m }, () => rng.next()),
  }));
  const options = { maxIterations: sweeps, tolerance: 0, epsilon: 0.1, relative: true };
  const ms = await best(async () =>
    where === "gpu" ? solveBatch(gpu, batch, options) : solveBatchOnCpu(batch, options),
  );
  return { what: "sinkhorn", where, ms, rate: problems / (ms / 1000), unit: "plans/s" };
}

/** The fastest of a few rounds, after one that compiles. */
async function best(work: () => Promise<unknown>): Promise<number> {
  await work();
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}
