// ULD's sort against a plain sort on the CPU and against the head matmuls whose logits it sorts.
//
//   npm run bench:sort                      49152 and 151936 columns, 256 response tokens
//   ROWS=64 VS=8192 VT=32768 npm run bench:sort
//
// The head matmuls of a step: logits of both models, and the two adjoints of the student's. Bar: the sort takes at most
// 1.5 times as long. Tensors are cut so that each binding stays below 128 MiB; the work is the same.
import { cpus } from "node:os";
import { create, globals } from "webgpu";
import { createRng } from "../src/config/rng";
import { type Gpu, openGpu } from "../src/gpu/device";
import { ProgramBuilder } from "../src/gpu/program";
import { recordSoftmaxStats } from "../src/objectives/ops/softmax-stats";
import { recordSortRows } from "../src/objectives/ops/sort-rows";
import { recordMatmul } from "../src/student/ops/matmul";

const env = (name: string, value: number): number => Number(process.env[name] ?? value);
const [ROWS, VS, VT, DS, DT] = [
  env("ROWS", 256),
  env("VS", 49152),
  env("VT", 151936),
  env("DS", 576), // SmolLM2-135M
  env("DT", 896), // Qwen2.5-0.5B
];
const ROUNDS = env("ROUNDS", 3);
const BINDING = 2 ** 27;

interface Timed {
  ms(): Promise<number>;
}

/** A program with one small output, so that a run ends when the GPU has. */
async function timed(
  gpu: Gpu,
  b: ProgramBuilder,
  data: Record<string, Float32Array | Uint32Array>,
): Promise<Timed> {
  const done = b.input("done", 4);
  b.output("done", done);
  const program = await b.build(gpu);
  program.write(data);
  await program.run({}, { read: ["done"] }); // compile
  return {
    async ms() {
      const start = performance.now();
      await program.run({}, { read: ["done"] });
      return performance.now() - start;
    },
  };
}

const rng = createRng(1);
const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => 4 * rng.normal());

async function sortProgram(
  gpu: Gpu,
  values: Float32Array,
  vocab: number,
  withOrder: boolean,
): Promise<Timed> {
  const count = values.length / vocab;
  const b = new ProgramBuilder("sort");
  const rows = b.input("rows", count);
  const input = b.input("values", values.length);
  const tops = recordSoftmaxStats(b, { values: input, rows: count, stride: vocab, vocab });
  recordSortRows(b, { values: input, vocab, rows, withOrder, tops });
  return timed(gpu, b, { values, rows: Uint32Array.from({ length: count }, (_, r) => r) });
}

/** Logits = hidden · headᵀ, and with `adjoints` both gradients, in slices of the vocabulary. */
async function headProgram(gpu: Gpu, vocab: number, width: number, adjoints: boolean): Promise<Timed> {
  const b = new ProgramBuilder("head");
  const slices = Math.ceil((vocab * Math.max(width, ROWS) * 4) / BINDING);
  const slice = Math.ceil(vocab / slices / 4) * 4;
  const hidden = b.input("hidden", ROWS * width);
  const head = b.input("head", slice * width);
  const logits = b.scratch("logits", ROWS * slice);
  for (let k = 0; k < slices; k++) {
    recordMatmul(b, { layout: "nt", rows: ROWS, cols: slice, inner: width, a: hidden, b: head, out: logits });
    if (!adjoints) continue;
    const dhead = b.scratch("dhead", slice * width);
    const dhidden = b.scratch("dhidden", ROWS * width);
    recordMatmul(b, {
      layout: "tn",
      rows: slice,
      cols: width,
      inner: ROWS,
      a: logits,
      b: hidden,
      out: dhead,
    });
    recordMatmul(b, {
      layout: "nn",
      rows: ROWS,
      cols: width,
      inner: slice,
      a: logits,
      b: head,
      out: dhidden,
    });
  }
  return timed(gpu, b, { hidden: normals(ROWS * width), head: normals(slice * width) });
}

/** What a page would do without the kernel: a typed array's own sort, row by row. */
function cpuSort(values: Float32Array, vocab: number): number {
  const start = performance.now();
  for (let at = 0; at < values.length; at += vocab) values.slice(at, at + vocab).sort();
  return performance.now() - start;
}

Object.assign(globalThis, globals);
const instance = create([]); // must outlive the device
const gpu = await openGpu(instance);
console.log(`${gpu.adapter.description}; ${cpus().length} cores; ${ROWS} rows of ${VS} and ${VT}`);

const student = normals(ROWS * VS);
const parts = Math.ceil((ROWS * VT * 4) / BINDING);
const partRows = Math.ceil(ROWS / parts);
const teacher = normals(partRows * VT);
const whole = ROWS / partRows;
const [studentSort, teacherSort] = [
  await sortProgram(gpu, student, VS, true),
  await sortProgram(gpu, teacher, VT, false),
];
const [studentHead, teacherHead] = [
  await headProgram(gpu, VS, DS, true),
  await headProgram(gpu, VT, DT, false),
];
const peers: Record<string, () => Promise<number>> = {
  "student: sort with permutation": () => studentSort.ms(),
  "teacher: sort": async () => (await teacherSort.ms()) * whole,
  "CPU, student: TypedArray.sort, no permutation": async () => cpuSort(student, VS),
  "CPU, teacher: TypedArray.sort": async () => cpuSort(teacher, VT) * whole,
  "student: head matmul and both adjoints": () => studentHead.ms(),
  "teacher: head matmul": () => teacherHead.ms(),
};
const times = new Map(Object.keys(peers).map((name): [string, number[]] => [name, []]));
for (let round = 0; round < ROUNDS; round++)
  for (const [name, ms] of Object.entries(peers)) times.get(name)?.push(await ms()); // in turns: load hits all alike
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const [sortS = 0, sortT = 0, cpuS = 0, cpuT = 0, headS = 0, headT = 0] = [...times.values()].map(median);
for (const [name, of] of times) console.log(`  ${name.padEnd(46)} ${median(of).toFixed(0).padStart(7)} ms`);

const ratio = (a: number, b: number) => (a / b).toFixed(2);
console.log(`  sort on the GPU / sort on the CPU: ${ratio(sortS + sortT, cpuS + cpuT)}`);
console.log(
  `  sort on the GPU / head matmuls:    ${ratio(sortS + sortT, headS + headT)} (bar on a real GPU: 1.5)`,
);
void instance;
process.exit(0);
