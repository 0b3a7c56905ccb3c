// What a run takes of the host's memory beside the GPU's: `couplet run` of one step on a made student with random weights, in a process of its
// own whose resident memory is watched. On a software adapter the GPU's buffers lie in the same memory: the plan's total is taken off.
//
//   npm run bench:host-memory                              SmolLM2-135M's shape, LoRA: the f32 weights are 538 MB
//   LAYERS=6 WIDTH=192 VOCAB=8192 KIND=full npm run bench:host-memory
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createRng } from "../src/config/rng";
import { PRESETS } from "../src/config/presets";
import { expectedTensors, type LlamaConfig, modelConfigJson } from "../src/models";
import { tokenizerFiles } from "../test/unit/models/tiny";

const env = (name: string, value: number): number => Number(process.env[name] ?? value);
const [LAYERS, WIDTH, VOCAB] = [env("LAYERS", 30), env("WIDTH", 576), env("VOCAB", 49_152)];
const KIND = process.env["KIND"] ?? "lora";
const METHOD = process.env["METHOD"] ?? "sft";
const config: LlamaConfig = {
  modelType: "llama",
  ...{
    vocabSize: VOCAB,
    hiddenSize: WIDTH,
    intermediateSize: Math.round((WIDTH * 8) / 3 / 64) * 64,
    layers: LAYERS,
  },
  ...{ heads: WIDTH / 64, kvHeads: WIDTH % 192 === 0 ? WIDTH / 192 : WIDTH / 64, headDim: 64 },
  ...{ rmsNormEps: 1e-5, ropeTheta: 1e5, maxPositions: 2048, tiedEmbeddings: true, eosId: 1, padId: 0 },
};
const MB = 1e6;

/** model.safetensors in F32, a tensor at a time. */
function writeModel(dir: string): number {
  mkdirSync(dir, { recursive: true });
  for (const [path, bytes] of tokenizerFiles()) writeFileSync(join(dir, path), bytes);
  writeFileSync(join(dir, "config.json"), JSON.stringify(modelConfigJson(config)));
  const shapes = [...expectedTensors(config)];
  let at = 0;
  const header = Object.fromEntries(
    shapes.map(([name, shape]) => {
      const bytes = 4 * shape.reduce((a, b) => a * b, 1);
      return [name, { dtype: "F32", shape, data_offsets: [at, (at += bytes)] }];
    }),
  );
  const json = new TextEncoder().encode(JSON.stringify(header));
  const file = openSync(join(dir, "model.safetensors"), "w");
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  writeSync(file, length);
  writeSync(file, json);
  const rng = createRng(1);
  const noise = Float32Array.from({ length: 65_537 }, () => 0.04 * (rng.next() - 0.5)); // of prime length: no two rows are alike
  for (const [name, shape] of shapes) {
    const count = shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = shape.length > 1 ? (noise[(i * 31) % noise.length] ?? 0) : 1;
    writeSync(file, new Uint8Array(values.buffer), 0, values.byteLength);
    if (values.byteLength === 0) throw new Error(`${name} is empty`);
  }
  closeSync(file);
  return at;
}

const couplet = (args: readonly string[]) =>
  spawn(process.execPath, [resolve("scripts/couplet.mjs"), ...args], { stdio: ["ignore", "pipe", "pipe"] });

function finished(
  child: ReturnType<typeof couplet>,
  onLine: (line: string) => void = () => undefined,
): Promise<string> {
  return new Promise((done, fail) => {
    let [out, rest, said] = ["", "", ""];
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      said += chunk.toString();
      lines.forEach(onLine);
    });
    child.on("exit", (code) =>
      code === 0 ? done(out) : fail(new Error(`exit ${code}: ${out}${said.slice(-2000)}`)),
    );
  });
}

const residentOf = (pid: number): number => {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return 1024 * Number(line?.[1] ?? 0);
};

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "couplet-host-"));
  try {
    const bytes = writeModel(join(dir, "student"));
    const base = PRESETS["first-light"].config;
    const run = {
      ...base,
      ...{ student: join(dir, "student"), method: { id: METHOD }, steps: 1, batchSize: 1, accumulation: 1 },
      training:
        KIND === "lora"
          ? { kind: "lora", rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] }
          : { kind: "full" },
      gradientCheckpointing: true,
      data: { ...base.data, rows: 8, maxLength: 48, maxPrompt: 40 },
      evaluation: { ...base.evaluation, everySteps: 0 },
    };
    const file = join(dir, "config.json");
    writeFileSync(file, JSON.stringify(run));
    const plan = JSON.parse(await finished(couplet(["plan", file, "--json"]))) as {
      total: number;
      host?: Record<string, number>;
    };
    const child = couplet(["run", file, "--out", join(dir, "out")]);
    const began = performance.now();
    let peak = 0;
    const stages: [string, number, number][] = [];
    const timer = setInterval(() => {
      if (child.pid === undefined || !existsSync(`/proc/${child.pid}/status`)) return;
      const now = residentOf(child.pid);
      peak = Math.max(peak, now);
      stages.push(["", performance.now() - began, now]);
    }, 100);
    await finished(child, (line) =>
      stages.push([line, performance.now() - began, child.pid ? residentOf(child.pid) : 0]),
    );
    clearInterval(timer);
    const shown = stages.filter(([line], i) => line !== "" || i % 20 === 0 || stages[i]?.[2] === peak);
    for (const [line, ms, rss] of shown)
      console.log(
        `${(ms / 1000).toFixed(1).padStart(7)} s ${(rss / MB).toFixed(0).padStart(7)} MB  ${line.slice(0, 100)}`,
      );
    console.log(
      `weights ${(bytes / MB).toFixed(0)} MB, peak ${(peak / MB).toFixed(0)} MB, GPU as planned ${(plan.total / MB).toFixed(0)} MB`,
    );
    console.log(
      `host ${((peak - plan.total) / MB).toFixed(0)} MB = ${((peak - plan.total) / bytes).toFixed(2)} × the weights`,
    );
    if (plan.host) console.log(`planned host ${JSON.stringify(plan.host)}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
await main();
