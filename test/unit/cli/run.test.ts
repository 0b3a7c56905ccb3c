// couplet run — plan
//   a short run     writes a complete config, one metrics line a step, plans, answers and a loadable student; the same
//                   config again gives the same losses
//   resume          two steps, then --resume to four: the metrics of four steps straight; a file that is no checkpoint
//                   of this run is refused in words
//   own rows        UTF-16, semicolons, gzip: read as the page reads them
//   long prompts    held-out prompts beyond both models' contexts: exit 0, answers and student; the rows cut are counted;
//                   resumed at its end it gives them again
//   bad input       exit 2 and one message that names the thing: config fields, files, models, rows
//   not finite      exit 3; metrics hold the good steps only; the student is still written
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import { parseRunConfig } from "../../../src/config/run";
import { readSafetensors } from "../../../src/models";
import type { StepRecord } from "../../../src/telemetry";
import { SMALL_RUN } from "../../support/bundled";

let dir: string;
let errors: string[] = [];
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "couplet-cli-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  errors = [];
  vi.spyOn(console, "error").mockImplementation((...parts: unknown[]) => void errors.push(parts.join(" ")));
  vi.spyOn(console, "log").mockImplementation((...parts: unknown[]) => void errors.push(parts.join(" ")));
});

const TINY = { ...SMALL_RUN, steps: 3 };

function configFile(config: unknown): string {
  const file = join(dir, "config.json");
  writeFileSync(file, typeof config === "string" ? config : JSON.stringify(config));
  return file;
}

const lines = (file: string) =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as StepRecord);

describe("couplet run", () => {
  test("writes everything, and the same config gives the same losses", async () => {
    const outs = [join(dir, "a"), join(dir, "b")];
    for (const out of outs) expect(await main(["run", configFile(TINY), "--out", out])).toBe(0);
    const [a, b] = outs.map((out) => lines(join(out, "metrics.jsonl")));
    expect(a!.map((r) => r.step)).toEqual([1, 2, 3]);
    expect(b!.map((r) => r.loss)).toEqual(a!.map((r) => r.loss));
    expect(errors[0]).toMatch(/^Labels: /); // before all else
    const out = outs[0]!;
    expect(parseRunConfig(JSON.parse(readFileSync(join(out, "config.json"), "utf8")))).toEqual(TINY);
    const plans = JSON.parse(readFileSync(join(out, "plan.json"), "utf8")) as {
      plan: number[];
      step: number;
    }[];
    expect(plans.map((p) => p.step)).toEqual([3, 3]);
    expect(plans[0]!.plan.reduce((s, p) => s + p, 0)).toBeCloseTo(1, 3);
    expect(readSafetensors(readFileSync(join(out, "student/model.safetensors"))).size).toBeGreaterThan(10);
    for (const file of [
      "answers.json",
      "plan-start.json",
      "student/onnx/model.onnx",
      "student/tokenizer.json",
    ])
      expect(existsSync(join(out, file)), file).toBe(true);
  });

  test("a loss that is not finite: exit 3, the good steps and the student are kept", async () => {
    const out = join(dir, "hot");
    const optimizer = { ...TINY.optimizer, learningRate: 1e18, schedule: "constant" };
    expect(await main(["run", configFile({ ...TINY, optimizer }), "--out", out])).toBe(3);
    const records = lines(join(out, "metrics.jsonl"));
    expect(records.length).toBeLessThan(3);
    for (const { loss } of records) expect(Number.isFinite(loss)).toBe(true);
    expect(errors.join("\n")).toMatch(/stopped at step \d[\s\S]*learning rate/);
    for (const { data } of readSafetensors(readFileSync(join(out, "student/model.safetensors"))).values())
      expect(data.every(Number.isFinite)).toBe(true);
  });

  test("a run that is resumed ends as one that was not interrupted", async () => {
    const constant = { ...TINY, optimizer: { ...TINY.optimizer, schedule: "constant" as const } };
    const [straight, parts] = [join(dir, "straight"), join(dir, "parts")];
    const checkpoint = join(parts, "checkpoint.safetensors");
    expect(await main(["run", configFile({ ...constant, steps: 4 }), "--out", straight])).toBe(0);
    expect(await main(["run", configFile({ ...constant, steps: 2 }), "--out", parts])).toBe(0);
    expect(
      await main(["run", configFile({ ...constant, steps: 4 }), "--out", parts, "--resume", checkpoint]),
    ).toBe(0);
    const records = (folder: string) =>
      lines(join(folder, "metrics.jsonl")).map((record) => ({ ...record, ms: 0 }));
    expect(records(parts)).toEqual(records(straight));
    const student = (folder: string) => readFileSync(join(folder, "student/model.safetensors"));
    expect(student(parts).equals(student(straight))).toBe(true);

    const other = configFile({ ...constant, seed: 8 });
    expect(await main(["run", other, "--out", join(dir, "other"), "--resume", checkpoint])).toBe(2);
    expect(errors.join("\n")).toMatch(/checkpoint cannot be taken up[\s\S]*seed differs[\s\S]*Resume with/);
    expect(await main(["run", other, "--out", join(dir, "other"), "--resume", join(dir, "nope")])).toBe(2);
    expect(errors.join("\n")).toMatch(/checkpoint file ".*nope" cannot be read/);
  });

  test("own rows in another dialect: what was read and skipped is said, and they train", async () => {
    const rows = Array.from({ length: 9 }, (_, i) => `"${i} plus; one?";${i + 1}`);
    const table = ["prompt;output", ...rows, "no answer;", ""].join("\r\n");
    const source = join(dir, "rows.csv.gz");
    writeFileSync(source, gzipSync(Buffer.from(`\uFEFF${table}`, "utf16le")));
    const data = { ...TINY.data, source, view: "plain" };
    const method = { id: "sft" };
    const out = join(dir, "dialect");
    expect(await main(["run", configFile({ ...TINY, data, method, steps: 1 }), "--out", out])).toBe(0);
    expect(lines(join(out, "metrics.jsonl"))).toHaveLength(1);
    const told = errors.join("\n");
    expect(told).toMatch(/data: 9 rows of .*rows\.csv\.gz, read as a table, from "prompt" and "output"/);
    for (const note of ["unpacked from gzip", "read as UTF-16LE", "cells are separated by semicolons"])
      expect(told).toContain(`data: ${note}`);
    expect(told).toMatch(/1 row of .* skipped:\n {2}1 × needs an "output" .* \(line 11\)/);
  });

  test("prompts beyond both models' contexts cost neither answers nor student", async () => {
    const model = (id: string): string => {
      const [from, to] = [join(import.meta.dirname, "../../../public/models", id), join(dir, `${id}-48`)];
      cpSync(from, to, { recursive: true });
      const config = JSON.parse(readFileSync(join(to, "config.json"), "utf8")) as object;
      writeFileSync(join(to, "config.json"), JSON.stringify({ ...config, max_position_embeddings: 48 }));
      return to;
    };
    const source = join(dir, "long.jsonl");
    const long = Array.from({ length: 20 }, (_, i) => ({
      prompt: `${i} `.repeat(80),
      output: `${i}`.repeat(12),
    }));
    writeFileSync(source, long.map((fields) => JSON.stringify(fields)).join("\n"));
    const data = { ...TINY.data, source, view: "plain" as const, maxPrompt: 44 };
    const [teacher, student] = [model("couplet-teacher"), model("couplet-student")];
    const config = { ...TINY, teacher, student, data, steps: 1 };
    const out = join(dir, "long");
    for (const more of [[], ["--resume", join(out, "checkpoint.safetensors")]]) {
      errors = [];
      expect(await main(["run", configFile(config), "--out", out, ...more])).toBe(0);
      expect(existsSync(join(out, "student/model.safetensors"))).toBe(true);
      const answers = JSON.parse(readFileSync(join(out, "answers.json"), "utf8")) as { teacher: string };
      expect(answers.teacher).toBeTypeOf("string");
      expect(errors.join("\n")).toMatch(
        /20 of 20 rows are longer than the limits: \d+ lose the end of their answer[^.]*\. 0 % stay whole\./,
      );
      rmSync(join(out, "student"), { recursive: true });
      rmSync(join(out, "answers.json"));
    }
  });

  const row = (fields: object) =>
    JSON.stringify({ prompt: "Q", output: "A", prompt_cot: "Q", output_cot: "A", ...fields });
  test.each<[string, () => string[], RegExp]>([
    ["no arguments", () => ["run"], /Usage: couplet run/],
    [
      "a row nested without end",
      () => {
        const file = join(dir, "deep.jsonl");
        writeFileSync(file, `{"prompt":${"[".repeat(400_000)}${"]".repeat(400_000)},"output":"x"}\n`);
        return ["run", configFile({ ...TINY, data: { ...TINY.data, source: file } }), "--out", dir];
      },
      /nested too deeply|none of|no usable|cannot|missing/,
    ],
    ["an unknown command", () => ["fly"], /no command "fly"/],
    ["an unknown option", () => ["run", configFile(TINY), "--fast", "1"], /no option --fast/],
    [
      "a config that is not there",
      () => ["run", join(dir, "nope.json"), "--out", dir],
      /nope\.json" cannot be read/,
    ],
    ["broken JSON", () => ["run", configFile("{"), "--out", dir], /not valid JSON/],
    [
      "epsilon 0",
      () => [
        "run",
        configFile({ ...TINY, method: { ...TINY.method, transport: { epsilon: 0 } } }),
        "--out",
        dir,
      ],
      /method\.transport\.epsilon: .*greater than 0/,
    ],
    [
      "an unknown model",
      () => ["run", configFile({ ...TINY, teacher: "gpt-9" }), "--out", dir],
      /teacher: .*"gpt-9"/,
    ],
    [
      "data that is not there",
      () => ["run", configFile({ ...TINY, data: { ...TINY.data, source: "nope.jsonl" } }), "--out", dir],
      /data\.source: .*"nope\.jsonl"/,
    ],
    [
      "a row without an output",
      () => {
        const file = join(dir, "rows.jsonl");
        writeFileSync(file, `${row({})}\n${JSON.stringify({ prompt: "Q" })}\n`);
        return ["run", configFile({ ...TINY, data: { ...TINY.data, source: file } }), "--out", dir];
      },
      /needs an "output".*\(line 2\)[\s\S]*rows\.jsonl holds one usable row; a run needs two/,
    ],
  ])("%s is refused in words", async (_name, argv, message) => {
    expect(await main(argv())).toBe(2);
    expect(errors.join("\n")).toMatch(message);
  });
});
