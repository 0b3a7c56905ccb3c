// what an alignment leaves out is told — plan
//   measured     a bundled run with GOLD: every token takes part, no warning; shares at every step and in the facts
//   apart        two sides that read different texts (a teacher that reads every letter as x): nothing takes part, the warning says how much, where and what to do; each
//                step's terms that are exactly zero are named, in the record and in the log
//   half         rows of which one side is cut: their shares, the worst first
//   silence      a term without weight is not silent; the log speaks at the 1st, 2nd, 4th step and not between
//   positions    ULD leaves out what the longer side has more
import { beforeAll, describe, expect, test } from "vitest";
import type { MethodConfig, RunConfig } from "../../../src/config/run";
import { encodeRow, prepareDataset, type PreparedRow, type Row, tokenTables } from "../../../src/data";
import type { Gpu } from "../../../src/gpu/device";
import type { ModelFiles } from "../../../src/models";
import { objectiveOf } from "../../../src/objectives";
import type { StepRecord } from "../../../src/telemetry";
import { coverageLine, createSilenceLog, openRun } from "../../../src/trainer";
import { measureCoverage, silentTerms } from "../../../src/trainer/coverage";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";
import { madeTokenizer } from "../../support/made-tokenizers";

const GOLD: MethodConfig = {
  ...{ id: "gold", kdRate: 0.5, mode: "hybrid", merge: "bayesian", beta: 0.5 },
  ...{ matchedWeight: null, unmatchedWeight: null, tokenMatch: "bytes" },
};
const LIMITS = { maxLength: 64, maxPrompt: 16 };
const row = (id: string, output: string): Row => ({ id, prompt: "q", output });

async function setting() {
  const [student, teacher] = [
    await madeTokenizer({ scheme: "metaspace", prefixSpace: true, words: ["the", " owl", " sees"] }),
    await madeTokenizer({ scheme: "byte-level", words: ["the", " owl", " sees"] }),
  ];
  const tokens = tokenTables(student, teacher);
  const padIds = { student: student.padId, teacher: teacher.padId };
  return { student, teacher, tokens, padIds };
}

const measure = (
  method: MethodConfig,
  rows: readonly PreparedRow[],
  given: Awaited<ReturnType<typeof setting>>,
) => measureCoverage(objectiveOf(method), { method }, rows, given, () => undefined);

describe("before the run", () => {
  test("everything takes part", async () => {
    const given = await setting();
    const limits = { student: LIMITS, teacher: LIMITS };
    const { usable } = prepareDataset(
      [row("a", "the owl sees"), row("b", "the owl")],
      "plain",
      given.student,
      given.teacher,
      limits,
    );
    const found = await measure(GOLD, usable, given);
    expect(found!.record).toMatchObject({ rows: 2, empty: 0, student: 1, teacher: 1, least: [] });
    expect(found!.warning).toBeUndefined();
    expect(coverageLine(found!.record)).toContain("100 % of the student's and 100 % of the teacher's");
  });

  test("two texts: a warning with shares, the place, and what to do", async () => {
    const given = await setting();
    const side = (tok: typeof given.student, output: string) =>
      encodeRow(tok, row("apart", output), "plain", LIMITS.maxLength, LIMITS.maxPrompt);
    const rows: PreparedRow[] = [
      ...["xyz", "zzy"].map((text, index) => ({
        index,
        row: row(`apart ${index}`, text),
        student: side(given.student, text),
        teacher: side(given.teacher, "the owl sees"),
      })),
      {
        index: 2,
        row: row("same", "the owl"),
        student: side(given.student, "the owl"),
        teacher: side(given.teacher, "the owl"),
      },
    ];
    const found = await measure(GOLD, rows, given);
    const { record, warning } = found!;
    expect(record.empty).toBe(2);
    expect(record.least.map(({ id, student, teacher }) => [id, student, teacher])).toEqual([
      ["apart 0", 0, 0],
      ["apart 1", 0, 0],
    ]);
    // Student: x y z twice (a space in front of each), "the owl" is ▁, the, ▁owl or fewer: counted here by the tokenizer.
    const all = rows.reduce((sum, { student }) => sum + student.ids.length - student.promptLength - 1, 0);
    const taken = rows[2]!.student.ids.length - rows[2]!.student.promptLength - 1;
    expect(record.student).toBeCloseTo(taken / all, 10);
    expect(warning).toContain("Of 3 rows looked at, 2 have none at all.");
    expect(warning).toMatch(
      /In row apart 0 the student reads "x?yz" where the teacher reads "the owl sees"|the student reads ".*xyz"/,
    );
    expect(warning).toContain("ULD, DSKD-CMA and CoT2Align need no alignment of texts.");
  });

  test("positions: what the longer side has more is left out", async () => {
    const given = await setting();
    const { usable } = prepareDataset([row("a", "the owl sees")], "plain", given.student, given.teacher, {
      student: LIMITS,
      teacher: LIMITS,
    });
    const [only] = usable;
    const length = ({ ids, promptLength }: PreparedRow["student"]) => ids.length - promptLength;
    const [n, m] = [length(only!.student), length(only!.teacher)];
    expect(n).not.toBe(m);
    const found = await measure({ id: "uld", kdRate: 0.5 }, usable, given);
    expect(found!.record.student).toBeCloseTo(Math.min(n, m) / n, 12);
    expect(found!.record.teacher).toBeCloseTo(Math.min(n, m) / m, 12);
  });

  test("methods that read all tokens have none", async () => {
    const given = await setting();
    expect(await measure({ id: "sft" }, [], given)).toBeUndefined();
  });
});

describe("silence", () => {
  test("exactly zero, unless it is meant to be", () => {
    expect(silentTerms({ ce: 1, gold_matched: 0, gold_sorted: 1e-30 }, [])).toEqual(["gold_matched"]);
    expect(silentTerms({ ce: 0, gold_matched: 0 }, ["ce"])).toEqual(["gold_matched"]);
    expect(silentTerms({ ce: -0, alm: NaN }, [])).toEqual(["ce"]);
    const objective = objectiveOf(GOLD);
    const tokens = { student: table(["a", "b"]), teacher: table(["b", "a"]) };
    expect(objective.unweighted?.({ ...GOLD, kdRate: 1 } as MethodConfig, tokens)).toEqual([
      "ce",
      "gold_sorted",
    ]);
    expect(
      objective.unweighted?.({ ...GOLD, matchedWeight: 0 } as MethodConfig, {
        ...tokens,
        teacher: table(["b", "c"]),
      }),
    ).toEqual(["gold_matched"]);
  });

  test("the log speaks when the number has doubled", () => {
    const say = createSilenceLog();
    const record = (step: number): StepRecord => ({
      ...{ step, loss: 1, terms: {}, gradNorm: 1, learningRate: 1, tokenAccuracy: 0, tokens: 1, ms: 1 },
      ...{ marginalError: 0, unconverged: 0, silent: ["alm"], coverage: { student: 0, teacher: 0 } },
    });
    const said = Array.from({ length: 9 }, (_, i) => say(record(i + 1)));
    expect(said.map((line) => line !== undefined)).toEqual([
      true,
      true,
      false,
      true,
      false,
      false,
      false,
      true,
      false,
    ]);
    expect(said[0]).toBe(
      "step 1: alm exactly zero: no response token of the batch takes part in the alignment",
    );
    expect(said[3]).toContain("(4 steps so far)");
    expect(say({ ...record(10), silent: [] })).toBeUndefined();
  });
});

const table = (list: string[]) => ({
  ...{ size: list.length, space: "Ġ", raw: (id: number) => list[id]! },
  bytes: (id: number) => new TextEncoder().encode(list[id]),
});

/** A teacher that reads every character as an x: nothing of what the student reads. */
async function readAltered(files: ModelFiles, path: string): Promise<Uint8Array> {
  const bytes = await files.read(path);
  if (path !== "tokenizer.json") return bytes;
  const json = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  const normalizer = { type: "Replace", pattern: { Regex: "[\\s\\S]" }, content: "x" };
  return new TextEncoder().encode(JSON.stringify({ ...json, normalizer }));
}

describe("in a run", () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await testGpu();
  });
  const config: RunConfig = { ...SMALL_RUN, method: GOLD, data: { ...SMALL_RUN.data, rows: 8 } };

  test("of two tokenizations of one text", async () => {
    const run = await openRun(gpu, config, bundledSources(config));
    expect(run.facts().coverage).toMatchObject({ rows: 8, empty: 0, student: 1, teacher: 1 });
    const record = await run.step();
    expect(record.coverage).toEqual({ student: 1, teacher: 1 });
    expect(record.silent).toBeUndefined();
    await run.destroy();
  });

  test("of two texts: a warning, and the terms of every step that are exactly zero", async () => {
    const sources = bundledSources(config);
    const teacher = { ...sources.teacher, read: (path: string) => readAltered(sources.teacher, path) };
    const run = await openRun(gpu, config, { ...sources, teacher });
    const { coverage, notes } = run.facts();
    expect(coverage).toMatchObject({ rows: 8, empty: 8, student: 0, teacher: 0 });
    expect(coverage!.least).toHaveLength(5);
    const warning = notes!.find((note) => note.startsWith("Most of the text teaches nothing here"))!;
    expect(warning).toContain("Of 8 rows looked at, 8 have none at all.");
    expect(warning).toMatch(/where the teacher reads "x+"/);
    const record = await run.step();
    expect(record.terms).toMatchObject({ gold_matched: 0, gold_sorted: 0 });
    expect(record.terms["ce"]).toBeGreaterThan(0);
    expect(record.silent).toEqual(["gold_matched", "gold_sorted"]);
    expect(record.coverage).toEqual({ student: 0, teacher: 0 });
    expect(createSilenceLog()(record)).toContain("gold_matched, gold_sorted exactly zero");
    await run.destroy();
  });

  test("of accumulated batches, too; methods without an alignment say nothing of it", async () => {
    const split = { ...config, accumulation: 2 };
    const run = await openRun(gpu, split, bundledSources(split));
    expect((await run.step()).coverage).toEqual({ student: 1, teacher: 1 });
    await run.destroy();
    const sft: RunConfig = { ...config, method: { id: "sft" } };
    const plain = await openRun(gpu, sft, bundledSources(sft));
    expect(plain.facts().coverage).toBeUndefined();
    expect((await plain.step()).coverage).toBeUndefined();
    await plain.destroy();
  });
});
