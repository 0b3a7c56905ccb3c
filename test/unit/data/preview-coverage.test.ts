// what the Data page says of alignment — plan
//   all        two tokenizers of one text: every output token is in a chunk, none is marked
//   apart      a tokenizer that writes one word as another: exactly the tokens over that word are marked, on both sides; shares
//              are those of the tokens counted here; the end of the response is neither marked nor counted
//   empty      a row that shares no text is counted
import { expect, test } from "vitest";
import { previewRows } from "../../../src/data";
import type { Tokenizer } from "../../../src/models";
import { madeTokenizer } from "../../support/made-tokenizers";
import { row } from "./words";

const LIMITS = { maxLength: 64, maxPrompt: 16 };
const BOTH = { student: LIMITS, teacher: LIMITS };

async function tokenizers() {
  const words = ["The", " owl", " cat", " sees", "."];
  const student = await madeTokenizer({ scheme: "metaspace", prefixSpace: true, words: [" The", ...words] });
  const teacher = await madeTokenizer({ scheme: "byte-level", words });
  return { student, teacher };
}

test("one text: all of it is aligned", async () => {
  const { student, teacher } = await tokenizers();
  const seen = await previewRows([row("q", "The owl sees.")], "plain", student, teacher, BOTH);
  expect(seen.coverage).toEqual({ student: 1, teacher: 1, empty: 0 });
  expect(seen.samples[0]!.student).toMatchObject({ apart: [], aligned: 1 });
  expect(seen.samples[0]!.teacher).toMatchObject({
    output: ["The", "␣owl", "␣sees", ".", "</s>"],
    apart: [],
  });
});

test("another word: its tokens are marked", async () => {
  const { student, teacher } = await tokenizers();
  const other: Tokenizer = { ...teacher, encode: (text) => teacher.encode(text.replace("owl", "cat")) };
  const rows = [row("q", "The owl sees."), row("q", "owl")];
  const seen = await previewRows(rows, "plain", student, other, BOTH);
  const [first, second] = seen.samples;
  expect(first!.teacher.output).toEqual(["The", "␣cat", "␣sees", ".", "</s>"]);
  expect(first!.teacher.apart).toEqual([1]);
  expect(first!.teacher.aligned).toBe(3 / 4);
  expect(first!.student.apart.map((k) => first!.student.output[k]).join("")).toMatch(/^␣?owl$/);
  expect(second!.teacher.apart).toHaveLength(second!.teacher.output.length - 1);
  expect(seen.coverage.empty).toBe(1);
  const texts = (side: "student" | "teacher") =>
    seen.samples.reduce((sum, sample) => sum + sample[side].output.length - 1, 0);
  const aligned = (side: "student" | "teacher") =>
    texts(side) - seen.samples.reduce((sum, sample) => sum + sample[side].apart.length, 0);
  for (const side of ["student", "teacher"] as const)
    expect(seen.coverage[side]).toBeCloseTo(aligned(side) / texts(side), 12);
});
