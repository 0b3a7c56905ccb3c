// what is done to labels — plan
//   noisy      q = 0 gives every bundled row back, q = 1 gets every step wrong; each chain goes on from its own results, with as
//              many steps as before and the last one as both answers; at q = 0.3, 0.5 the share of wrong steps and of wrong
//              answers; every result is one that its family knows; by seed, and not by which other rows there are
//   few        so many rows keep theirs, drawn by seed, fewer among more; who answers the others; too many are refused
//   refused    chains of other rows, by config and by row; labels beside outputs that the teacher writes; bare prompts
//   form       a choice of kind brings its settings, an issue stands at its field, a link goes there and back
//   said       one line that names what was done, with counts; held-out rows and the rows given are untouched
import { beforeAll, describe, expect, test } from "vitest";
import { decodeLink, encodeLink } from "../../../src/config/link";
import { labelsText } from "../../../src/config/labels";
import { PRESETS } from "../../../src/config/presets";
import { ConfigError, parseRunConfig, type RunConfig } from "../../../src/config/run";
import { labelled, type Row } from "../../../src/data";
import { draftFields, draftOf, editDraft, fieldText, validateDraft } from "../../../src/store/draft";
import { fieldHint, fieldName, optionName } from "../../../src/views/run/field-names";
import { bundledSources } from "../../support/bundled";

let rows: readonly Row[];
beforeAll(() => {
  rows = bundledSources().train;
});

type Labels = RunConfig["data"]["labels"];
const made = (labels: Labels, more: { limit?: number; seed?: number; of?: readonly Row[] } = {}) =>
  labelled(more.of ?? rows, { labels, limit: more.limit ?? 0, seed: more.seed ?? 7 });

interface Judged {
  readonly before: string;
  readonly right: string;
  readonly result: string;
}

/** Each written step, and what it should have come to: arithmetic on names, without the code under test. */
function judged({ family, prompt, outputCot = "" }: Row): Judged[] {
  const week = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");
  const letter = prompt.match(/end in (.)/)?.[1];
  let count = 0;
  return outputCot
    .split("\n")[0]!
    .replace(/\.$/, "")
    .split(". ")
    .map((text) => {
      const words = text.replaceAll(",", "").split(" ");
      const result = words.at(-1)!;
      const signed = (words[1] === "-" ? -1 : 1) * Number(words[2]);
      if (family === "arithmetic") {
        const right = Math.max(0, Number(words[0]) + signed);
        return { before: words[0]!, right: `${right}`, result };
      }
      if (family === "days")
        return { before: words[0]!, right: week[(week.indexOf(words[0]!) + signed + 7) % 7]!, result };
      if (family === "coin") {
        const flipped = words[2] === "flips" ? { heads: "tails", tails: "heads" }[words[0]!]! : words[0]!;
        return { before: words[0]!, right: flipped, result };
      }
      if (family === "cups") {
        const swap: Record<string, string> = { [words[1]!]: words[3]!, [words[3]!]: words[1]! };
        return { before: words[0]!, right: swap[words[0]!] ?? words[0]!, result };
      }
      const before = String(count);
      const right = String(count + Number(words[1] === letter));
      count = Number(result);
      return { before, right, result };
    });
}

const shareOf = (some: readonly boolean[]): number => some.filter(Boolean).length / some.length;

describe("noisy", () => {
  test("with q = 0 every bundled row is itself", () => {
    expect(made({ noisy: 0 }).rows).toEqual(rows);
  });

  test.each([0.3, 0.5, 1])("q = %d: chains that err and go on", (q) => {
    const before = structuredClone(rows);
    const { rows: noisy, toWrite } = made({ noisy: q });
    expect(rows).toEqual(before); // what was given is untouched
    expect(toWrite.size).toBe(0);
    expect(noisy).toHaveLength(2400);
    const known = new Map<string, Set<string>>();
    for (const row of rows)
      for (const { result } of judged(row))
        known.set(row.family!, (known.get(row.family!) ?? new Set<string>()).add(result));
    const wrong: boolean[] = [];
    for (const [i, row] of noisy.entries()) {
      const [steps, own] = [judged(row), judged(rows[i]!)];
      expect(steps).toHaveLength(own.length);
      expect(steps[0]!.before).toBe(own[0]!.before);
      for (const [j, step] of steps.entries()) {
        if (j > 0 && row.family !== "endings") expect(step.before, row.id).toBe(steps[j - 1]!.result);
        if (!["arithmetic", "endings"].includes(row.family!))
          expect(known.get(row.family!), row.id).toContain(step.result);
        expect(step.result, row.id).toMatch(/^(\d+|[A-Za-z]+)$/);
        wrong.push(step.result !== step.right);
      }
      expect(row.answer).toBe(steps.at(-1)!.result);
      expect(row.output).toBe(row.answer);
      expect(row.outputCot).toMatch(new RegExp(`\\nTherefore, the answer is: ${row.answer}$`));
      expect([row.prompt, row.promptCot, row.id]).toEqual([rows[i]!.prompt, rows[i]!.promptCot, rows[i]!.id]);
    }
    // 8,400 steps: four deviations of a share of them are 0.022
    expect(Math.abs(shareOf(wrong) - q)).toBeLessThanOrEqual(q === 1 ? 0 : 0.022);
    const answers = shareOf(noisy.map(({ answer }, i) => answer !== rows[i]!.answer));
    if (q === 0.5) expect(answers).toBeGreaterThan(0.6);
    if (q === 0.5) expect(answers).toBeLessThan(0.75);
  });

  test("drawn by seed and row, not by the rows around it", () => {
    const all = made({ noisy: 0.5 }).rows;
    expect(made({ noisy: 0.5 }).rows).toEqual(all);
    expect(made({ noisy: 0.5 }, { of: rows.slice(100, 200) }).rows).toEqual(all.slice(100, 200));
    expect(made({ noisy: 0.5 }, { limit: 50 }).rows).toEqual(all.slice(0, 50));
    expect(made({ noisy: 0.5 }, { seed: 8 }).rows).not.toEqual(all);
  });

  test("a chain that is not of the families is refused by its row", () => {
    const [first] = rows;
    const { family: _, ...bare } = first!;
    const broken: Row[] = [
      { ...first!, outputCot: "Eight and ten make eighteen.\nTherefore, the answer is: 18" },
      { ...first!, outputCot: "8 + 10 = 18." },
      { ...first!, family: "constructor" },
      { ...first!, family: "rivers" },
      bare,
    ];
    for (const row of broken) expect(() => made({ noisy: 0.5 }, { of: [row] })).toThrow(/train-0000.*walked/);
  });
});

describe("few", () => {
  test("so many keep theirs, the same for a seed, fewer among more", () => {
    const kept = (few: number, seed = 7) => made({ few, rest: "none" }, { seed }).rows.map(({ id }) => id);
    const forty = kept(40);
    expect(forty).toHaveLength(40);
    expect(kept(40)).toEqual(forty);
    expect(kept(40, 8)).not.toEqual(forty);
    expect(kept(240)).toEqual(expect.arrayContaining(forty));
    expect(forty).toEqual(rows.map(({ id }) => id).filter((id) => forty.includes(id))); // in the rows' order
  });

  test("the teacher answers the others, which keep their place", () => {
    const { rows: all, toWrite, said } = made({ few: 240, rest: "teacher" });
    expect(all).toEqual(rows);
    expect(toWrite.size).toBe(2160);
    const kept = new Set(made({ few: 240, rest: "none" }).rows.map(({ id }) => id));
    expect([...toWrite].some((id) => kept.has(id))).toBe(false);
    expect(said).toMatch(/240 training rows keep .* teacher .* 2160 others/);
  });

  test("of the rows that data.rows leaves; more than there are is refused", () => {
    expect(made({ few: 10, rest: "teacher" }, { limit: 50 }).toWrite.size).toBe(40);
    expect(() => made({ few: 51, rest: "none" }, { limit: 50 })).toThrow(
      /data\.labels\.few: 51 rows .* there are 50 training rows/,
    );
  });
});

const FIRST = PRESETS.sft.config;
const config = (labels: unknown, more: object = {}) => ({
  ...FIRST,
  data: { ...FIRST.data, labels, ...more },
});
function issues(labels: unknown, more: object = {}): string {
  try {
    parseRunConfig(config(labels, more));
    return "";
  } catch (error) {
    return error instanceof ConfigError ? error.issues.join("\n") : String(error);
  }
}

describe("as a setting", () => {
  test("a config without it means all; each kind is taken as it is", () => {
    const { labels: _, ...data } = FIRST.data;
    expect(parseRunConfig({ ...FIRST, data }).data.labels).toBe("all");
    for (const labels of [{ few: 240, rest: "teacher" }, { few: 1, rest: "none" }, { noisy: 0.3 }])
      expect(parseRunConfig(config(labels)).data.labels).toEqual(labels);
  });

  test.each([
    [{ few: 0, rest: "none" }, /^data\.labels\.few: must be at least 1/],
    [{ few: "x", rest: "none" }, /^data\.labels\.few: must be a number/],
    [{ few: 3, rest: "nobody" }, /^data\.labels\.rest: must be one of teacher, prompts, none/],
    [{ few: 3 }, /^data\.labels\.rest: is missing/],
    [{ noisy: 1.5 }, /^data\.labels\.noisy: must be between 0 and 1/],
    [{ noisy: 0.5, few: 3 }, /^data\.labels\.\w+: /],
    ["most", /^data\.labels: must be "all", \{ few, rest \} or \{ noisy \}/],
    [null, /^data\.labels: must be "all"/],
    [
      { few: 3, rest: "prompts" },
      /^data\.labels\.rest: bare prompts are answered by the student as it learns: set data\.outputs to "mix"/,
    ],
  ])("%j is answered at its field", (labels, said) => {
    expect(issues(labels)).toMatch(said);
  });

  test("own rows have few, not noisy; and nothing beside answers that the teacher writes", () => {
    expect(issues({ few: 3, rest: "none" }, { source: "mine.jsonl" })).toBe("");
    expect(issues({ noisy: 0.5 }, { source: "mine.jsonl" })).toMatch(/data\.labels\.noisy: .* bundled rows/);
    expect(issues({ noisy: 0.5 }, { outputs: "teacher" })).toMatch(
      /data\.labels: .* data\.outputs is "teacher"/,
    );
  });

  test("the form: a kind brings its settings, and gives way to another", () => {
    const start = draftOf("sft");
    expect(fieldText(start, "data.labels")).toBe("all");
    const noisy = editDraft(start, "data.labels", "noisy");
    expect(validateDraft(noisy).config?.data.labels).toEqual({ noisy: 0.5 });
    expect(validateDraft(noisy).changed).toContain("data.labels");
    const more = editDraft(noisy, "data.labels.noisy", "2");
    expect(validateDraft(more).issues["data.labels.noisy"]).toMatch(/between 0 and 1/);
    const few = editDraft(more, "data.labels", "few");
    expect(validateDraft(editDraft(few, "data.labels.few", "24")).config?.data.labels).toEqual({
      few: 24,
      rest: "teacher",
    });
    expect(validateDraft(editDraft(few, "data.labels", "all")).config?.data.labels).toBe("all");
    for (const { path, kind, options } of draftFields(few).filter((f) => f.path.startsWith("data.labels"))) {
      expect(fieldName(path)).not.toBe("");
      if (kind === "number") expect(fieldHint(path)).not.toBe("");
      for (const option of options) expect(optionName(path, option)).not.toBe(option);
    }
  });

  test("a link goes there and back, from either side", () => {
    const presets = {
      plain: FIRST,
      noisy: parseRunConfig(config({ noisy: 0.5 })),
      few: parseRunConfig(config({ few: 9, rest: "none" })),
    };
    const format = { presets, parse: parseRunConfig };
    for (const preset of Object.keys(presets))
      for (const value of Object.values(presets))
        expect(decodeLink(format, encodeLink(format, preset, value))).toMatchObject({ value, issues: [] });
  });
});

test("what is said names what was done, with counts", () => {
  expect(made("all").said).toBe(labelsText("all"));
  const { said, rows: noisy } = made({ noisy: 0.5 });
  const wrong = noisy.filter(({ answer }, i) => answer !== rows[i]!.answer).length;
  expect(said).toContain("probability 0.5");
  expect(said).toContain(`${wrong} of 2400 training rows end in a wrong answer (seed 7)`);
  expect(made({ few: 5, rest: "none" }).said).toMatch(/5 training rows keep .* left out.* 2395 others/);
});
