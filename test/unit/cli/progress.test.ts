// Progress of a run — plan
//   a pipe       one line a stage of loading, every tenth step and the last; no control codes
//   a terminal   one line that is drawn again: bar, step, loss, time left; never wider than the terminal; other lines
//                stand above it
import { expect, test } from "vitest";
import { duration, type ProgressStream, runProgress } from "../../../src/cli/progress";
import type { StepRecord } from "../../../src/telemetry";

const step = (at: number): StepRecord => ({
  ...{
    step: at,
    loss: 1 / at,
    terms: { cross_entropy: 1 / at },
    gradNorm: 1,
    learningRate: 1,
    tokenAccuracy: 0,
  },
  ...{ tokens: 8, marginalError: 0, unconverged: 0, ms: 5 },
});

function watch(steps: number, stream: Partial<ProgressStream> = {}) {
  const written: string[] = [];
  let clock = 0;
  const progress = runProgress(steps, { ...stream, write: (text) => written.push(text) }, () => clock);
  return { written, progress, at: (ms: number) => (clock = ms) };
}

test("lines in a pipe", () => {
  const { written, progress } = watch(25);
  progress.loading("teacher", 1, 2);
  progress.loading("teacher", 2, 2);
  progress.loading("rows", 0, 0);
  for (let at = 1; at <= 25; at++) progress.step(step(at));
  progress.line("step 25: 3 of 4 held-out answers right");
  progress.end();
  const text = written.join("");
  expect(text).not.toContain("\r");
  expect(text).not.toContain("\x1b");
  expect(
    text
      .trimEnd()
      .split("\n")
      .map((l) => l.split("  ")[0]),
  ).toEqual([
    ...["loading: teacher", "loading: rows", "step 1/25", "step 10/25", "step 20/25", "step 25/25"],
    "step 25: 3 of 4 held-out answers right",
  ]);
});

test("a bar on a terminal", () => {
  const { written, progress, at } = watch(100, { isTTY: true, columns: 70 });
  progress.step(step(1));
  at(50_000);
  progress.step(step(51));
  expect(written.at(-1)).toBe("\r\x1b[K[############............] 51/100 · loss 0.0196 · 49 s left");
  progress.line("note");
  expect(written.at(-1)).toMatch(/Knote\n\[#+\.+\] 51\/100/);
  progress.end();
  expect(written.at(-1)).toBe("\n");
  const narrow = watch(100, { isTTY: true, columns: 30 });
  narrow.progress.step(step(99));
  expect(narrow.written.at(-1)!.replace("\r\x1b[K", "").length).toBeLessThan(30);
});

test.each([
  [0.4, "0 s"],
  [59.4, "59 s"],
  [60, "1 min 0 s"],
  [200, "3 min 20 s"],
  [7500, "2 h 5 min"],
])("%d seconds: %s", (seconds, text) => expect(duration(seconds)).toBe(text));
