// Rows that a teacher writes — plan
//   SeqKD          the view's output gives way to the teacher's; an empty answer leaves the row out; gold stays elsewhere
//   reasons        cut off, empty, another answer, no prompt on this view: they add up to what is refused, and are said
//   augmentation   only rows without a chain of thought are asked; a wrong answer is refused, a right one kept
//   prompts        a plain prompt becomes the bundled data's own chain-of-thought prompt
//   cache, cancel  no prompt is written twice; an abort ends it at once, and what was written is not lost
//   lines          rowLine reads back as the same row
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  augmentWithThought,
  memoryTexts,
  parseRows,
  type Row,
  rowLine,
  sequenceLevel,
  thoughtPrompt,
  type Writer,
} from "../../../src/data";
import { writingText } from "../../../src/trainer";

const scripted = (answers: Record<string, string>): Writer & { asked: string[] } => {
  const asked: string[] = [];
  return {
    id: "scripted",
    asked,
    write: async (prompt, signal) => {
      signal?.throwIfAborted();
      asked.push(prompt);
      return answers[prompt] ?? "";
    },
  };
};

const rows: Row[] = [
  { id: "a", prompt: "P1\nAnswer:\n", output: "4", answer: "4" },
  { id: "b", prompt: "P2\nAnswer:\n", output: "7", promptCot: "C2", outputCot: "own thought" },
  { id: "c", prompt: "P3\nAnswer:\n", output: "9" },
];

describe("rows that a teacher writes", () => {
  test("SeqKD replaces the view's output, and leaves out what is empty", async () => {
    const plain = await sequenceLevel(
      rows,
      "plain",
      scripted({ [rows[0]!.prompt]: " 5 ", [rows[1]!.prompt]: "7" }),
    );
    expect(plain.rows.map(({ id, output }) => [id, output])).toEqual([
      ["a", "5"],
      ["b", "7"],
    ]);
    expect([plain.written, plain.refused]).toEqual([2, 1]);
    const cot = await sequenceLevel(rows, "cot", scripted({ C2: "the answer is: 7" }));
    expect(cot.rows).toEqual([{ ...rows[1], outputCot: "the answer is: 7" }]);
  });

  test("what is refused has a reason, and it is said", async () => {
    const script: Record<string, string | { text: string; ended: boolean }> = {
      ...{ a: "5", b: " \n ", c: "", d: { text: "so we", ended: false }, e: { text: "", ended: false } },
    };
    const writer = { id: "reasons", write: async (prompt: string) => script[prompt]! };
    const asked: Row[] = Object.keys(script).map((id) => ({ id, prompt: "", output: "4", promptCot: id }));
    const { promptCot: _, ...bare } = asked[0]!;
    const cot = await sequenceLevel([...asked, { ...bare, id: "f" }], "cot", writer);
    expect(cot).toMatchObject({ written: 1, refused: 5, cutOff: 2, empty: 2, unasked: 1, wrong: 0 });
    expect(writingText(cot, 60)).toBe(
      "1 written, 5 refused, 2 of them cut off before they ended (data.maxLength 60 is prompt and answer together; raise it), " +
        "2 of them empty, 1 of them for rows without a prompt on this view",
    );
    const other = { id: "other", write: async () => "the answer is: 8" };
    const thoughts = await augmentWithThought(rows, other);
    expect(thoughts).toMatchObject({ written: 0, refused: 2, cutOff: 0, empty: 0, unasked: 0, wrong: 2 });
    expect(writingText(thoughts, 60)).toBe(
      "0 written, 2 refused, 2 of them with another answer than the row's",
    );
  });

  test("augmentation keeps a chain of thought whose answer is right", async () => {
    const [a, c] = ["P1\nLet's think step by step.\n", "P3\nLet's think step by step.\n"];
    const writer = scripted({ [a]: "2 + 2 = 4.\nTherefore, the answer is: 4", [c]: "the answer is: 8" });
    const { rows: out, written, refused } = await augmentWithThought(rows, writer);
    expect(writer.asked).toEqual([a, c]);
    expect([written, refused]).toEqual([1, 1]);
    expect(out[0]).toMatchObject({
      promptCot: a,
      outputCot: "2 + 2 = 4.\nTherefore, the answer is: 4",
      output: "4",
    });
    expect(out.slice(1)).toEqual(rows.slice(1));
  });

  test("plain prompts of the bundled data become its chain-of-thought prompts", () => {
    const path = new URL("../../../public/data/reasoning-heldout.jsonl", import.meta.url);
    for (const row of parseRows(readFileSync(path, "utf8"), "heldout").slice(0, 50))
      expect(thoughtPrompt(row.prompt)).toBe(row.promptCot);
    expect(thoughtPrompt("Why?")).toBe("Why?\nLet's think step by step.\n");
  });

  test("nothing is written twice, and an abort keeps what there is", async () => {
    const cache = memoryTexts();
    const stop = new AbortController();
    const writer = scripted(Object.fromEntries(rows.map(({ prompt }) => [prompt, "x"])));
    const seen: number[] = [];
    const progress = (done: number) => {
      seen.push(done);
      if (done === 2) stop.abort(new Error("enough"));
    };
    const options = { cache, progress, signal: stop.signal };
    await expect(sequenceLevel(rows, "plain", writer, options)).rejects.toThrow("enough");
    expect([seen, writer.asked.length]).toEqual([[1, 2], 2]);
    await sequenceLevel(rows, "plain", writer, { cache });
    expect(writer.asked).toHaveLength(3);
    await sequenceLevel(rows, "plain", { ...writer, id: "another teacher" }, { cache });
    expect(writer.asked).toHaveLength(6);
  });

  test("a row's line reads back as the row", () => {
    expect(parseRows(rows.map(rowLine).join("\n"), "lines")).toEqual(rows);
  });
});
