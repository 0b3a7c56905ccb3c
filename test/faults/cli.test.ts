// The command line under faults — plan (each in a process of its own, on the bundled pair)
//   SIGINT, SIGTERM    in mid-run: exit 130 and 143, a checkpoint of the step it stopped at, the command that goes on;
//                      that command ends with the bits of a run that was not stopped
//   SIGKILL            at a random step (seeded): --resume gives the same losses and weights; the dead process's lock is no bar
//   two processes      one --out: the second is refused with exit 2 before it loads a model, the first is untouched
//   a used --out       refused; --overwrite replaces it
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRng } from "../../src/config/rng";
import { SMALL_RUN } from "../support/bundled";

const COUPLET = resolve(import.meta.dirname, "../../scripts/couplet.mjs");
const STEPS = 40;
const dir = mkdtempSync(join(tmpdir(), "couplet-faults-"));
const config = join(dir, "config.json");
const children = new Set<ChildProcess>();
beforeAll(() => {
  const run = {
    ...SMALL_RUN,
    method: { id: "sft" },
    steps: STEPS,
    batchSize: 2,
    checkpoints: { everySteps: 5 },
  };
  writeFileSync(config, JSON.stringify(run));
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

/** @param during called once `steps` lines of metrics are there. */
function couplet(
  out: string,
  argv: string[],
  steps = Infinity,
  during?: (child: ChildProcess) => void,
  of = config,
) {
  const child = spawn(process.execPath, [COUPLET, "run", of, "--out", out, ...argv]);
  children.add(child);
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const watching = setInterval(() => {
    if (stepsOf(out).length < steps) return;
    clearInterval(watching);
    during?.(child);
  }, 5);
  return new Promise<Ended>((done) => {
    child.once("close", (code) => {
      clearInterval(watching);
      children.delete(child);
      done({ code, said });
    });
  });
}

const stepsOf = (out: string): { step: number; loss: number }[] => {
  const file = join(out, "metrics.jsonl");
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { step: number; loss: number });
};
const losses = (out: string) => stepsOf(out).map(({ step, loss }) => [step, loss]);
const student = (out: string) => readFileSync(join(out, "student/model.safetensors"));

const straight = join(dir, "straight");
test("a run that nothing befalls", async () => {
  const { code, said } = await couplet(straight, []);
  expect(code, said).toBe(0);
  expect(losses(straight)).toHaveLength(STEPS);
});

test.concurrent.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s: a checkpoint, exit %i, and the run goes on with the same bits", async (signal, exit) => {
  const out = join(dir, `of ${signal}`);
  const stopped = await couplet(out, [], 7, (child) => child.kill(signal));
  expect(stopped.code, stopped.said).toBe(exit);
  const done = stepsOf(out).length;
  expect(done).toBeGreaterThanOrEqual(7);
  expect(done).toBeLessThan(STEPS);
  expect(stopped.said).toContain(
    `Stopped at step ${done}. To go on:\ncouplet run ${config} --out '${out}' --resume`,
  );
  expect(existsSync(join(out, "student"))).toBe(false);
  const resumed = await couplet(out, ["--resume"]);
  expect(resumed.code, resumed.said).toBe(0);
  expect(resumed.said).toContain(`resumed at step ${done}`); // nothing is lost
  expect(losses(out)).toEqual(losses(straight));
  expect(student(out).equals(student(straight))).toBe(true);
});

test("killed at any step, it resumes to the bit", async () => {
  const random = createRng(20_260);
  const trial = async (at: number) => {
    const out = join(dir, `killed-${at}`);
    await couplet(out, [], at, (child) => child.kill("SIGKILL"));
    expect(existsSync(join(out, "student"))).toBe(false);
    const refused = await couplet(out, []);
    expect(refused.code).toBe(2);
    expect(refused.said).toMatch(/holds an earlier run of \d+ steps.*--resume goes on with it/);
    const resumed = await couplet(out, ["--resume"]);
    expect(resumed.code, resumed.said).toBe(0);
    expect(losses(out), `killed at ${at}`).toEqual(losses(straight));
    expect(student(out).equals(student(straight)), `killed at ${at}`).toBe(true);
  };
  await Promise.all([6, 6 + STEPS / 2].map((from) => trial(from + random.int(STEPS / 2 - 8)))); // one on each core
});

test("two processes and one folder", async () => {
  const out = join(dir, "both");
  const long = join(dir, "long.json");
  writeFileSync(long, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), steps: 1_000_000 }));
  let second: Promise<Ended> | undefined;
  const first = await couplet(
    out,
    [],
    2,
    (child) => {
      second = couplet(out, ["--overwrite"]);
      void second.then(() => child.kill("SIGTERM")); // whatever became of the second, the first ends
    },
    long,
  );
  const { code, said } = await second!;
  expect(code, said).toBe(2);
  expect(said).toMatch(/process \d+ on .* is writing a run into/);
  expect(said).not.toContain("adapter"); // it was refused before the GPU was opened
  expect(first.code, first.said).toBe(143);
  const done = stepsOf(out);
  expect(done.map(({ step }) => step)).toEqual(done.map((_, i) => i + 1)); // nobody else wrote into it
});

test("--overwrite replaces a finished run", async () => {
  const short = join(dir, "short.json");
  writeFileSync(short, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), steps: 3 }));
  const child = spawn(process.execPath, [COUPLET, "run", short, "--out", straight, "--overwrite"]);
  children.add(child);
  expect(await new Promise((done) => child.once("close", done))).toBe(0);
  expect(losses(straight)).toHaveLength(3);
});
