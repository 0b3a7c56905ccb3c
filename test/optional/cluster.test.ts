// Runs taken to a cluster, in PyTorch on the CPU — plan (npm run test:cluster; not part of npm test; PYTHON names the Python)
//   parity     every preset: exported with the first ten steps of Dawn's engine, check_parity.py finds the same run
//   processes  ten steps of train.py with one process and with two (gloo): the engine's ten losses within 1e-4
//   resume     killed after a checkpoint, it goes on, and its ten losses are those of the run that was not
//   own code   the package's own tests; ruff and mypy find nothing
//   bad input  another tokenizer, no teacher, another version, too many processes: one line each
//   smollm2    SmolLM2-135M as the student for three steps, where its files are (.cache/smollm2, as for test:smollm2)
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { clusterFiles } from "../../src/cluster";
import { isCovered } from "../../src/cluster/python";
import type { RunConfig } from "../../src/config/run";
import { DEFAULT_RUN, PRESETS } from "../../src/config/presets";
import { openRun } from "../../src/trainer";
import { nodeSources } from "../../src/cli/sources";
import { testGpu } from "../support/gpu";

const PYTHON = process.env["PYTHON"] ?? "python3";
const HOUR = 3_600_000;
const TOLERANCE = 1e-4;
const top = mkdtempSync(join(tmpdir(), "couplet-cluster-"));
const own = resolve(import.meta.dirname, "../../reference/cluster");
const env = {
  ...process.env,
  OMP_NUM_THREADS: "1",
  HF_DATASETS_DISABLE_PROGRESS_BARS: "1",
  HF_HUB_OFFLINE: "1",
};

const small = (config: RunConfig): RunConfig => ({
  ...config,
  data: { ...config.data, rows: 48 },
  ...{ batchSize: 8, steps: 20, checkpoints: { everySteps: 4 } },
  evaluation: { everySteps: 10, rows: 4 },
  probe: { ...config.probe, gradientRatio: false },
});

/** The export with the engine's first steps, in a folder of its own. */
async function exported(name: string, config: RunConfig, steps = 10): Promise<string> {
  const dir = join(top, name);
  if (existsSync(dir)) return dir;
  const sources = await nodeSources(config);
  const run = await openRun(await testGpu(), config, sources);
  const plans = await run.plans(config.probe.row);
  for (let at = 0; at < steps; at++) await run.step();
  const first = { steps: run.firstSteps(), plans, adapter: "Dawn", train: run.rows() };
  await run.destroy();
  for (const [path, bytes] of await clusterFiles(config, sources, { mostModelBytes: 2 ** 31, first })) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), bytes);
  }
  return dir;
}

function python(dir: string, args: readonly string[], more: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(PYTHON, args, {
    cwd: dir,
    env: { ...env, ...more },
    encoding: "utf8",
  });
  return { status, text: `${stdout}\n${stderr}` };
}

const launch = (processes: number, out: string, ...args: string[]) => [
  ...[
    "-m",
    "accelerate.commands.launch",
    "--cpu",
    "--num_processes",
    String(processes),
    "--num_machines",
    "1",
  ],
  ...[
    "--mixed_precision",
    "no",
    "--dynamo_backend",
    "no",
    ...(processes > 1 ? ["--main_process_port", "0"] : []),
  ],
  ...["train.py", "--out", out, ...args],
];

const records = (dir: string, out: string): { step: number; loss: number }[] =>
  readFileSync(join(dir, out, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: number; loss: number });

/** Largest |loss − the engine's| over the first ten steps. */
function gap(dir: string, out: string): number {
  const { steps } = JSON.parse(readFileSync(join(dir, "parity.json"), "utf8")) as {
    steps: { loss: number }[];
  };
  const ours = records(dir, out);
  expect(ours.map(({ step }) => step)).toEqual(steps.map((_, i) => i + 1));
  return Math.max(...steps.map(({ loss }, i) => Math.abs(loss - ours[i]!.loss)));
}

beforeAll(() => {
  const found = spawnSync(PYTHON, ["-c", "import torch, transformers, accelerate, datasets, peft"]);
  if (found.status !== 0)
    throw new Error(`${PYTHON} lacks what reference/cluster/requirements.txt names: set PYTHON`);
  return () => rmSync(top, { recursive: true, force: true });
});

const only = process.env["METHODS"]?.split(",");
/** Those whose rows are the data set's, and whose loss the package has. */
const goes = ({ data, method }: RunConfig) => data.outputs === "gold" && isCovered(method);
const presets = Object.entries(PRESETS).filter(([id, { config }]) =>
  only ? only.includes(id) : goes(config),
);

describe.each(presets)("%s", (id, { config }) => {
  test("is the engine's run, with one process and with two", { timeout: HOUR }, async () => {
    const dir = await exported(id, small(config));
    const parity = python(dir, ["check_parity.py"]);
    expect(parity.status, parity.text).toBe(0);
    const [, largest] = /largest difference ([\d.e+-]+)/.exec(parity.text) ?? [];
    const gaps = [1, 2].map((processes) => {
      const run = python(dir, launch(processes, `out-${processes}`, "--steps", "10"));
      expect(run.status, run.text).toBe(0);
      return gap(dir, `out-${processes}`);
    });
    process.stdout.write(
      `${id}: parity ${largest}, 1 process ${gaps[0]!.toExponential(1)}, 2 ${gaps[1]!.toExponential(1)}\n`,
    );
    for (const one of gaps) expect(one).toBeLessThanOrEqual(TOLERANCE);
  });
});

test("a run that is killed goes on", { timeout: HOUR }, async () => {
  const dir = await exported("first-light", small(DEFAULT_RUN));
  const child = spawn(PYTHON, ["train.py", "--out", "killed"], {
    cwd: dir,
    env,
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise<void>((done, fail) => {
    child.stdout.on(
      "data",
      () => existsSync(join(dir, "killed/checkpoints/step-4")) && child.kill("SIGKILL"),
    );
    child.on("exit", (_, signal) => (signal === "SIGKILL" ? done() : fail(new Error("it ended by itself"))));
  });
  const without = python(dir, ["train.py", "--out", "killed", "--steps", "10"]);
  expect(without.text).toMatch(/holds a run up to step \d+: --resume goes on with it/);
  const again = python(dir, ["train.py", "--out", "killed", "--steps", "10", "--resume"]);
  expect(again.status, again.text).toBe(0);
  expect(gap(dir, "killed")).toBeLessThanOrEqual(TOLERANCE);
});

test(
  "LoRA, accumulation, checkpointing of gradients and GPT-2 as the student",
  { timeout: HOUR },
  async () => {
    const base = small(DEFAULT_RUN);
    const config: RunConfig = {
      ...{ ...base, student: "couplet-gpt2", batchSize: 4, accumulation: 2, gradientCheckpointing: true },
      training: { kind: "lora", rank: 4, alpha: 8, targets: ["c_attn", "c_fc"] },
    };
    const dir = await exported("lora", config);
    for (const processes of [1, 2]) {
      const run = python(dir, launch(processes, `out-${processes}`, "--steps", "10"));
      expect(run.status, run.text).toBe(0);
      expect(gap(dir, `out-${processes}`)).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(existsSync(join(dir, "out-2/student/model.safetensors"))).toBe(true);
  },
);

test(
  "implicit and envelope gradients, other costs, inner layers, masses by attention, the last block",
  { timeout: HOUR },
  async () => {
    const { transport } = DEFAULT_RUN.method as Extract<RunConfig["method"], { id: "cot2align" }>;
    for (const [at, change] of [
      { gradient: "implicit", cost: "euclidean" },
      { gradient: "envelope", cost: "sqeuclidean", marginals: "attention" },
      { layers: [{ student: 3, teacher: 4, weight: 0.5 }], layerWeights: "learned" },
    ].entries()) {
      const method = { ...DEFAULT_RUN.method, transport: { ...transport, ...change } } as RunConfig["method"];
      const dir = await exported(`transport-${at}`, { ...small(DEFAULT_RUN), method });
      const parity = python(dir, ["check_parity.py"]);
      expect(parity.status, parity.text).toBe(0);
    }
  },
);

test("bad input is one line", { timeout: HOUR }, async () => {
  const dir = await exported("first-light", small(DEFAULT_RUN));
  const said = (more: Record<string, string> = {}, ...args: string[]) => {
    const { status, text } = python(dir, ["train.py", "--out", "bad", ...args], more);
    expect(status).not.toBe(0);
    expect(text).not.toContain("Traceback");
    return text.trim();
  };
  const swap = (path: string, change: (text: string) => string, then: () => void) => {
    const file = join(dir, path);
    const before = readFileSync(file);
    writeFileSync(file, change(before.toString("utf8")));
    try {
      then();
    } finally {
      writeFileSync(file, before);
    }
  };
  swap(
    "models/teacher/tokenizer.json",
    (text) => `${text} `,
    () => expect(said()).toMatch(/^The teacher's tokenizer\.json .* token ids would mean other texts/),
  );
  swap(
    "requirements.txt",
    (text) => text.replace(/torch==[\d.]+/, "torch==1.0.0"),
    () => expect(said()).toMatch(/^torch [\d.]+ is installed, this run is checked with 1\.0\.0/),
  );
  swap(
    "run.json",
    (text) => text.replace("models/teacher", "models/nobody"),
    () => expect(said()).toMatch(/^The teacher's folder .* is missing: put couplet-teacher there/),
  );
  swap(
    "config.json",
    () => "{",
    () => expect(said()).toMatch(/^config\.json is not valid JSON/),
  );
});

test("the package is its own tests' and linters' friend", { timeout: HOUR }, () => {
  const tests = python(own, ["-m", "pytest", "-q", "tests"]);
  expect(tests.status, tests.text).toBe(0);
  for (const args of [
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy", "."],
  ]) {
    const found = python(own, ["-m", ...args]);
    expect(found.status, found.text).toBe(0);
  }
});

const smol = resolve(import.meta.dirname, "../../.cache/smollm2");
test.skipIf(!existsSync(smol))("SmolLM2-135M learns for three steps", { timeout: HOUR }, async () => {
  const config = { ...small(DEFAULT_RUN), student: smol, batchSize: 2 };
  const dir = await exported("smollm2", { ...config, evaluation: { everySteps: 0, rows: 0 } }, 3);
  const parity = python(dir, ["check_parity.py"]);
  expect(parity.status, parity.text).toBe(0);
});
