// lessons — plan
//   eleven, each with 3 to 8 steps, one question (the last lesson two), an open experiment, and short texts
//   every link opens a screen in a state that its own format takes without complaint
//   control: a link with a setting that does not exist is named
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeLink } from "../../src/config/link";
import { LESSONS } from "../../src/views/learn/lessons";
import { RUN_LINKS, TRANSPORT_LINKS } from "../../src/store";
import { messages } from "../../src/views/messages";

const MOST_WORDS = 70;

function issuesOf(link: string): readonly string[] {
  const [screen = "", query = ""] = link.split("?");
  if (screen === "transport") return decodeLink(TRANSPORT_LINKS, query).issues;
  if (screen === "distill") return decodeLink(RUN_LINKS, query).issues;
  return [`there is no screen "${screen}"`];
}

test("eleven lessons with names of their own", () => {
  expect(LESSONS).toHaveLength(11);
  expect(new Set(LESSONS.map(({ id }) => id)).size).toBe(11);
  expect(messages.start.tourNote).toMatch(/^Eleven short lessons/);
});

describe.each(LESSONS.map((lesson) => [lesson.id, lesson] as const))("%s", (_, lesson) => {
  test("has its steps, one question and an experiment", () => {
    expect(lesson.steps.length).toBeGreaterThanOrEqual(3);
    expect(lesson.steps.length).toBeLessThanOrEqual(8);
    const questions = lesson.steps.flatMap(({ question }) => question ?? []);
    expect(questions).toHaveLength(lesson.id === "honesty" ? 2 : 1);
    for (const { options, answer } of questions) {
      expect(Object.keys(options)).toContain(String(answer)); // a whole number within the list
      expect(new Set(options).size).toBe(options.length);
      expect(options.length).toBeGreaterThanOrEqual(2);
    }
    for (const { text } of lesson.steps) expect(text.split(" ").length).toBeLessThanOrEqual(MOST_WORDS);
    expect(lesson.open.text).toMatch(/[.?]$/);
  });
  test("its links open", () => {
    for (const { link } of [...lesson.steps, lesson.open]) expect([link, issuesOf(link)]).toEqual([link, []]);
  });
});

test("the place of the right answer tells nothing", () => {
  const answers = LESSONS.flatMap(({ steps }) => steps.flatMap(({ question }) => question?.answer ?? []));
  const most = Math.max(...[0, 1, 2].map((place) => answers.filter((answer) => answer === place).length));
  expect(answers).toHaveLength(12); // the last lesson has two
  expect(most).toBeLessThanOrEqual(5);
});

test("the figures that a lesson quotes are those of the recorded run", () => {
  const recorded = JSON.parse(readFileSync("public/recorded/first-light.json", "utf8")) as {
    evaluations: { correct: number; total: number; step: number }[];
  };
  const { evaluations } = recorded;
  const said = LESSONS.flatMap(({ steps }) => steps.flatMap(({ question }) => question ?? []))
    .map(({ ask }) => /recorded run it goes ([\d, ]+) of (\d+)/.exec(ask))
    .find(Boolean);
  expect(said?.[1]).toBe(evaluations.map(({ correct }) => correct).join(", "));
  expect(Number(said?.[2])).toBe(evaluations[0]?.total);
});

test("control: a setting that does not exist is named", () => {
  expect(issuesOf("transport?v=1&colour=red")[0]).toMatch(/colour/);
  expect(issuesOf("nowhere?v=1")[0]).toMatch(/nowhere/);
});
