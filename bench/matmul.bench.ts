// The matrix product in its three forms and layouts, beside jax-js and tfjs.
//
//   npm run bench:matmul                        512 and 1024, a·b, with the peers; then every layout and form at 512×512×128
//   SIZES=256 PEERS= npm run bench:matmul       one size, ours alone
import { cpus } from "node:os";
import { create, globals } from "webgpu";
import { createRng } from "../src/config/rng";
import { openGpu } from "../src/gpu/device";
import { ProgramBuilder } from "../src/gpu/program";
import { subgroupLanes } from "../src/gpu/subgroups";
import { matmulChoice } from "../src/student/ops/matmul-choice";
import { type MatmulDims, type MatmulForm, matmulForm, matmulParams } from "../src/student/ops/matmul-forms";
import { exposeGpu } from "./ot-peers";
import { race, type Racer } from "./race";

const ROUNDS = Number(process.env.ROUNDS ?? 9);
const FORMS: readonly MatmulForm[] = ["subgroup", "shared", "registers"];

Object.assign(globalThis, globals);
const instance = create([]); // must outlive the device
exposeGpu(instance);
const gpu = await openGpu(instance);
console.log(
  `${gpu.adapter.description}; ${cpus().length} cores; the rule's form is ${matmulChoice(gpu).first}`,
);

type Values = Float32Array<ArrayBuffer>;
const uniform = (seed: number, count: number): Values => {
  const rng = createRng(seed);
  return Float32Array.from({ length: count }, () => rng.next() - 0.5);
};

/** Largest error over a sample of outputs, in float64. */
const checkOf = ({ layout, rows, cols, inner }: MatmulDims, a: Values, b: Values) => {
  const rng = createRng(3);
  const spots = Array.from({ length: 64 }, () => {
    const [r, c] = [rng.int(rows), rng.int(cols)];
    let sum = 0;
    for (let k = 0; k < inner; k++)
      sum +=
        (a[layout === "tn" ? k * rows + r : r * inner + k] ?? NaN) *
        (b[layout === "nt" ? c * inner + k : k * cols + c] ?? NaN);
    return { at: r * cols + c, sum };
  });
  return (out: ArrayLike<number>) =>
    Math.max(...spots.map(({ at, sum }) => Math.abs((out[at] ?? NaN) - sum)));
};

async function ours(form: MatmulForm, dims: MatmulDims, a: Values, b: Values): Promise<Racer | undefined> {
  const made = matmulForm(form, dims, subgroupLanes(gpu));
  if (!made) return undefined;
  const builder = new ProgramBuilder(form);
  const [ta, tb] = [builder.input("a", a.length), builder.input("b", b.length)];
  const out = builder.scratch("out", dims.rows * dims.cols);
  builder.dispatch(made.spec, { params: matmulParams(dims), a: ta, b: tb, addend: ta, out }, made.grid);
  builder.output("out", out);
  const program = await builder.build(gpu);
  program.write({ a, b });
  const check = checkOf(dims, a, b);
  return {
    name: `couplet, ${form} (${dims.layout})`,
    async run() {
      await program.run();
      await gpu.device.queue.onSubmittedWorkDone();
    },
    error: async () => check((await program.run({}, { read: ["out"] })).out),
  };
}

async function jax(dims: MatmulDims, a: Values, b: Values): Promise<Racer> {
  const { numpy: np, jit, init, defaultDevice, blockUntilReady } = await import("@jax-js/jax");
  await init("webgpu");
  defaultDevice("webgpu");
  type Matrix = ReturnType<typeof np.array>; // consumed by every use; `.ref` keeps one
  const [x, y] = [np.array(a).reshape([dims.rows, dims.inner]), np.array(b).reshape([dims.inner, dims.cols])];
  const product = jit((p: Matrix, q: Matrix) => np.dot(p, q));
  let out: Matrix | undefined;
  const check = checkOf(dims, a, b);
  return {
    name: "jax-js np.dot (nn)",
    async run() {
      out?.dispose();
      out = product(x.ref, y.ref) as Matrix;
      await blockUntilReady(out.ref);
    },
    error: async () => check((await out?.ref.data()) ?? []),
  };
}

async function tfjs(dims: MatmulDims, a: Values, b: Values): Promise<Racer> {
  const tf = await import("@tensorflow/tfjs");
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) throw new Error("tfjs did not take its WebGPU backend");
  const [x, y] = [tf.tensor2d(a, [dims.rows, dims.inner]), tf.tensor2d(b, [dims.inner, dims.cols])];
  let out: ReturnType<typeof tf.matMul> | undefined;
  const check = checkOf(dims, a, b);
  return {
    name: "tfjs matMul (nn)",
    async run() {
      out?.dispose();
      out = tf.matMul(x, y);
      backend.endComputePassEncoder(); // without it the queue is empty, and the time that of nothing
      backend.submitQueue();
      await backend.device.queue.onSubmittedWorkDone();
    },
    error: async () => check((await out?.data()) ?? []),
  };
}

async function compare(title: string, dims: MatmulDims, forms: readonly MatmulForm[], withPeers: boolean) {
  const [a, b] = [uniform(1, dims.rows * dims.inner), uniform(2, dims.inner * dims.cols)];
  const racers: (Racer | undefined)[] = [];
  for (const form of forms) racers.push(await ours(form, dims, a, b));
  if (withPeers) racers.push(await jax(dims, a, b), await tfjs(dims, a, b));
  const laps = await race(
    title,
    racers.filter((r) => r !== undefined),
    ROUNDS,
    1e-4,
  );
  const gflop = (2 * dims.rows * dims.cols * dims.inner) / 1e9;
  const rates = laps.map(
    ({ median, cpu }) =>
      `${((1e3 * gflop) / median).toFixed(1)} (${((1e3 * gflop * cpus().length) / cpu).toFixed(1)})`,
  );
  console.log(`  GFLOP/s, by the clock (by processor time): ${rates.join(", ")}`);
}

const withPeers = process.env.PEERS !== "";
for (const size of (process.env.SIZES ?? "512,1024").split(",").map(Number))
  await compare(
    `${size}×${size}×${size}`,
    { layout: "nn", rows: size, cols: size, inner: size },
    withPeers ? [matmulChoice(gpu).first] : FORMS,
    withPeers,
  );
for (const layout of ["nt", "nn", "tn"] as const)
  await compare(`512×512×128, ${layout}`, { layout, rows: 512, cols: 512, inner: 128 }, FORMS, false);
void instance;
process.exit(0);
