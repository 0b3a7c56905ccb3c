// couplet generate — plan
//   seqkd, cot   rows of the bundled teacher that parseRows reads; progress and counts on stderr
//   cut off      answers that hit the limit are refused, counted, and kept as what they are
//   again        the second run writes nothing anew: its texts are the first's
//   few labels   the teacher answers the prompts of the rows without one; the first line of plan and run says so
//   in a run     data.outputs "teacher" trains on the teacher's texts and not on gold, and looks into the cache first
//   bad usage    no kind, an odd number of rows
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import { parseRows } from "../../../src/data";
import { openRun, planSources } from "../../../src/trainer";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let dir: string;
let config: string;
let errors: string[] = [];
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "couplet-generate-"));
  config = join(dir, "config.json");
  writeFileSync(config, JSON.stringify(SMALL_RUN));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  errors = [];
  vi.spyOn(console, "error").mockImplementation((...parts: unknown[]) => void errors.push(parts.join(" ")));
});

const generate = (kind: string, out: string, rows = "4") =>
  main(["generate", config, "--kind", kind, "--out", out, "--rows", rows]);

test("SeqKD rows of the bundled teacher, and the same again from the cache", async () => {
  const out = join(dir, "seqkd.jsonl");
  expect(await generate("seqkd", out)).toBe(0);
  expect(errors.join("\n")).toMatch(/row 4 of 4[\s\S]*4 written, 0 refused/);
  const written = parseRows(readFileSync(out, "utf8"), out);
  const gold = bundledSources().train.slice(0, 4);
  expect(written.map(({ id, output }) => [id, output])).toEqual(gold.map(({ id, output }) => [id, output]));
  for (const { outputCot } of written) expect(outputCot).toMatch(/answer is/);
  const size = statSync(`${out}.texts`).size;
  expect(await generate("seqkd", out)).toBe(0);
  expect(statSync(`${out}.texts`).size).toBe(size);
});

test.skipIf(process.platform !== "linux")(
  "a full disk leaves nothing beside the rows that were there",
  async () => {
    const out = join(dir, "full.jsonl");
    expect(await generate("seqkd", out)).toBe(0);
    const before = readFileSync(out, "utf8");
    symlinkSync("/dev/full", `${out}.part`);
    expect(await generate("seqkd", out)).toBe(2);
    expect(errors.join("\n")).toMatch(/cannot be .*written: the disk is full/);
    expect(readFileSync(out, "utf8")).toBe(before);
    expect(existsSync(`${out}.part`)).toBe(false);
  },
);

test("answers that hit the limit are refused and counted, also when they come from the cache", async () => {
  writeFileSync(
    config,
    JSON.stringify({ ...SMALL_RUN, data: { ...SMALL_RUN.data, maxLength: 60, maxPrompt: 48 } }),
  );
  const out = join(dir, "short.jsonl");
  const said =
    /(\d+) written, (\d+) refused, (\d+) of them cut off before they ended \(data\.maxLength 60 is/;
  for (const round of [1, 2]) {
    errors = [];
    expect(await generate("seqkd", out, "12"), `round ${round}`).toBe(0);
    const [, written, refused, cut] = said.exec(errors.join("\n"))!.map(Number);
    expect([written! + refused!, cut]).toEqual([12, refused]);
    const rows = parseRows(readFileSync(out, "utf8"), out);
    expect(rows).toHaveLength(written!);
    for (const { outputCot } of rows) expect(outputCot).toMatch(/answer is: \S+$/);
  }
  writeFileSync(config, JSON.stringify(SMALL_RUN));
});

test("chains of thought for rows that have none", async () => {
  const plain = join(dir, "plain.jsonl");
  const gold = bundledSources().train.slice(0, 8);
  const lines = gold.map(({ id, prompt, output, answer }) => JSON.stringify({ id, prompt, output, answer }));
  writeFileSync(plain, lines.join("\n"));
  writeFileSync(config, JSON.stringify({ ...SMALL_RUN, data: { ...SMALL_RUN.data, source: plain } }));
  const out = join(dir, "cot.jsonl");
  expect(await generate("cot", out, "0")).toBe(0);
  const rows = parseRows(readFileSync(out, "utf8"), out);
  const thinking = rows.filter(({ outputCot }) => outputCot !== undefined);
  expect(thinking.length).toBeGreaterThan(0);
  for (const { outputCot, answer } of thinking) expect(outputCot!.trim().endsWith(`: ${answer}`)).toBe(true);
});

test("a run on the teacher's own answers", async () => {
  const gpu = await testGpu();
  const data = { ...SMALL_RUN.data, rows: 4, outputs: "teacher" as const };
  const sft = { ...SMALL_RUN, method: { id: "sft" as const } };
  const stages = new Set<string>();
  // The bundled teacher writes most gold answers itself, so here it is made to say something else.
  const teacherTexts = { get: async () => "no. Therefore, the answer is: no", set: async () => undefined };
  const sources = { ...bundledSources(), teacherTexts };
  const taught = await openRun(gpu, { ...sft, data }, sources, (stage) => stages.add(stage));
  const gold = await openRun(gpu, { ...sft, data: { ...data, outputs: "gold" } }, sources);
  expect([...stages]).toContain("the teacher writes its answers");
  expect((await taught.step()).loss).toBeGreaterThan(10 * (await gold.step()).loss);
  await taught.destroy();
  await gold.destroy();
});

test("a run on few labels: the teacher answers the other prompts, and a row that it cannot answer is left out", async () => {
  const gpu = await testGpu();
  const data = { ...SMALL_RUN.data, rows: 8, labels: { few: 3, rest: "teacher" as const } };
  const run = { ...SMALL_RUN, method: { id: "sft" as const }, data };
  let asked = 0;
  const teacherTexts = {
    get: async () => (asked++ === 0 ? "" : "no. Therefore, the answer is: no"),
    set: async () => undefined,
  };
  const plan = await planSources(run, { ...bundledSources(), teacherTexts }, gpu.device.limits);
  expect(plan.reading?.[0]).toMatch(/^Labels: 3 training rows keep .* 5 others/);
  const opened = await openRun(gpu, run, { ...bundledSources(), teacherTexts });
  expect(asked).toBe(5);
  const { rows, reading, notes, teacher } = opened.facts();
  expect(rows).toBe(7);
  expect(teacher).toBeDefined(); // it writes, so it takes part
  expect(reading?.[0]).toBe(plan.reading?.[0]);
  expect(notes?.join(" ")).toMatch(/4 written, 1 refused/);
  expect((await opened.step()).loss).toBeGreaterThan(0);
  await opened.destroy();
});

test("a run on chains that the teacher writes", async () => {
  const gpu = await testGpu();
  const data = { ...SMALL_RUN.data, rows: 4, outputs: "chains" as const };
  const run = { ...SMALL_RUN, method: { id: "sft" as const }, data };
  const all = bundledSources();
  const bare = all.train.slice(0, 4).map(({ id, prompt, output }) => ({ id, prompt, output }));
  const [right = "", wrong] = [all.train[0]!.outputCot, "So, the answer is: nonsense"];
  let asked = 0;
  const teacherTexts = { get: async () => (asked++ === 0 ? right : wrong), set: async () => undefined };
  const stages = new Set<string>();
  const sources = { ...all, train: bare, teacherTexts };
  const plan = await planSources(run, sources, gpu.device.limits);
  expect(plan.batch.rows).toBeGreaterThan(0);
  expect(asked).toBe(0); // a plan has nothing written
  const opened = await openRun(gpu, run, sources, (stage) => stages.add(stage));
  expect([...stages]).toContain("the teacher writes chains of thought");
  expect(asked).toBe(4);
  const { rows, dropped } = opened.facts();
  expect(rows).toBe(1); // a chain whose answer is wrong is not taken
  expect(dropped.filter((reason) => reason.includes("no chain of thought"))).toHaveLength(3);
  expect((await opened.step()).loss).toBeGreaterThan(0);
  await opened.destroy();
});

test("bad usage", async () => {
  expect(await main(["generate", config, "--out", join(dir, "x.jsonl")])).toBe(2);
  expect(await generate("magic", join(dir, "x.jsonl"))).toBe(2);
  expect(await generate("cot", join(dir, "x.jsonl"), "many")).toBe(2);
  expect(errors.join("\n")).toMatch(
    /--kind is seqkd or cot, got nothing[\s\S]*got magic[\s\S]*--rows is a whole number/,
  );
  expect(existsSync(join(dir, "x.jsonl"))).toBe(false);
});

test("a file that this command did not write is not replaced", async () => {
  const out = join(dir, "mine.jsonl");
  writeFileSync(out, '{"my":"file"}');
  expect(await generate("seqkd", out)).toBe(2);
  expect(errors.join("\n")).toMatch(/mine\.jsonl" is there, and this command did not write it/);
  expect(readFileSync(out, "utf8")).toBe('{"my":"file"}');
  expect(await generate("seqkd", "/proc/nowhere/out.jsonl")).toBe(2);
});
