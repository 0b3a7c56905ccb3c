// the first picture — plan
//   recorded   the sentence's tokens are those of the tokenizers themselves; their bytes tile it
//   sharp      at the end of the film the plan is the shared letters of every pair, at most 14 flows of ≥ 1 %
//   blurred    at its beginning it is far from that; in between it comes nearer with every smaller ε
//   still      the picture of the page that has not run yet (COUPLET_WRITE_GOLDENS=1 makes it anew)
//   store      a plan is there before the first answer, and an answer replaces it
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as gpt4o from "gpt-tokenizer/encoding/o200k_base";
import * as gpt2 from "gpt-tokenizer/encoding/r50k_base";
import { describe, expect, test } from "vitest";
import { PALETTES, planFacts, ribbonFrame, ribbonsOf, ribbonsSvg, SOURCES } from "../../src/figure";
import { BLURRED, createFirstPicture, FIRST_SENTENCE, SHARP } from "../../src/store";
import { firstQuestion, onSharedLetters, planOfFirst } from "../../src/store/first-picture";
import { solveScreenProblem } from "../../src/worker/screen-problem";

const { student, teacher, text } = FIRST_SENTENCE;
const solved = (epsilon: number) => planOfFirst(solveScreenProblem(firstQuestion(epsilon)));

test.each([
  [student, gpt2],
  [teacher, gpt4o],
] as const)("recorded as $name cuts it", (recorded, tokenizer) => {
  expect(recorded.ids).toEqual(tokenizer.encode(text));
  expect(recorded.texts.join("").replaceAll("␣", " ")).toBe(text);
  expect(recorded.start).toEqual([0, ...recorded.end.slice(0, -1)]);
  expect(recorded.end.at(-1)).toBe(new TextEncoder().encode(text).length);
});

describe("the film", () => {
  test("ends with the letters that tokens share", () => {
    const plan = solved(SHARP);
    expect(plan.report.converged).toBe(true);
    const bytes = student.end.at(-1)!;
    student.texts.forEach((_, i) =>
      teacher.texts.forEach((__, j) => {
        const [from, to] = [
          Math.max(student.start[i]!, teacher.start[j]!),
          Math.min(student.end[i]!, teacher.end[j]!),
        ];
        const shared = Math.max(0, to - from) / bytes;
        expect(plan.mass[i * teacher.texts.length + j]).toBeCloseTo(shared, 3);
      }),
    );
    const frame = ribbonFrame(plan, { width: 1200, maxHeight: 400, font: 20 }, 0);
    const { ribbons, rest } = ribbonsOf(plan, frame);
    expect(ribbons.filter(({ mass }) => mass >= 0.01).length).toBeLessThanOrEqual(14);
    expect(rest.share).toBe(0);
    expect(frame.air).toBeGreaterThan(0);
  });
  test("goes there from far away", () => {
    const shares = [BLURRED, 0.6, 0.2, 0.06, SHARP].map((epsilon) => onSharedLetters(solved(epsilon)));
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares[0]).toBeLessThan(0.5);
    expect(shares.at(-1)).toBeGreaterThan(0.99);
  });
});

test("a plan is there before any answer, and an answer replaces it", () => {
  const first = createFirstPicture({
    solve: (problem, onReply) => onReply(solveScreenProblem(problem)),
  });
  expect(planFacts(first.store.getState().plan).sharpness).toBeCloseTo(0);
  expect(first.store.getState().plan.report.converged).toBeUndefined();
  first.show(SHARP);
  expect(onSharedLetters(first.store.getState().plan)).toBeGreaterThan(0.99);
});

test.each(["light", "dark"] as const)(
  "what is there before the page runs is the film's end, %s",
  (scheme) => {
    const svg = ribbonsSvg({
      ...{ title: text, plan: solved(SHARP), colors: PALETTES[scheme], sources: SOURCES[scheme] },
      titles: { student: student.name, teacher: teacher.name },
      rest: () => "",
    });
    const file = join(import.meta.dirname, `../../public/recorded/first-sentence-${scheme}.svg`);
    if (process.env["COUPLET_WRITE_GOLDENS"] === "1") writeFileSync(file, svg);
    expect(readFileSync(file, "utf8")).toBe(svg);
  },
);
