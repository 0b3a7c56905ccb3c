// rows — plan
//   reads     our fields, the published ones (where the CoT side is prompt/output), BOM, CRLF, blank lines, numbers
//   refuses   each with its line, the field and what to do
//   fuzz      2,000 damaged files: rows or a DataError
//   score     the answer of a chain of thought, of a direct output
import { describe, expect, test } from "vitest";

import { createRng } from "../../../src/config/rng";
import { DataError, exactMatch, extractAnswer, parseRows } from "../../../src/data";

const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join("\n");

test("our fields", () => {
  const text = lines(
    {
      id: "a",
      family: "coin",
      prompt: "P",
      output: "O",
      prompt_cot: "PC",
      output_cot: "OC",
      answer: "yes",
      extra: [1],
    },
    { id: 7, prompt: "P", output: "O", answer: 12 },
    { prompt: "P", output: "O", output_cot: "OC" },
    { prompt: "P", output: "O", prompt_cot: null, output_cot: "" },
  );
  expect(parseRows(text, "t.jsonl")).toEqual([
    { id: "a", family: "coin", prompt: "P", output: "O", promptCot: "PC", outputCot: "OC", answer: "yes" },
    { id: "7", prompt: "P", output: "O", answer: "12" },
    { id: "line 3", prompt: "P", output: "O", promptCot: "P", outputCot: "OC" },
    { id: "line 4", prompt: "P", output: "O" },
  ]);
});

test("published fields: prompt/output is the chain of thought, *_raw the plain side", () => {
  const text = lines(
    { prompt: "PC", output: "OC", prompt_raw: "P", output_raw: "O" },
    { prompt: "P", output: "O" },
  );
  expect(parseRows(text, "t")).toEqual([
    { id: "line 1", prompt: "P", output: "O", promptCot: "PC", outputCot: "OC" },
    { id: "line 2", prompt: "P", output: "O" },
  ]);
});

test("BOM, CRLF, CR, blank lines, line separators inside strings", () => {
  const one = JSON.stringify({ prompt: "a\nb", output: "c\u2028d" });
  const rows = parseRows(`\uFEFF\r\n${one}\r\n  \r\n${one}\r${one}\n\n`, "t");
  expect(rows.map(({ id }) => id)).toEqual(["line 2", "line 4", "line 5"]);
  expect(parseRows(`\uFEFF${one}`, "t")).toHaveLength(1);
  expect(rows[0]).toMatchObject({ prompt: "a\nb", output: "c\u2028d" });
});

test.each([
  ["no rows", "\n\n", "t.jsonl holds no rows; put one JSON object"],
  [
    "no JSON",
    '{"prompt": "a", "output": "b"}\n{"prompt": ',
    "t.jsonl, line 2: not a JSON object on one line",
  ],
  ["a JSON array over lines", "[\n{}\n]", "t.jsonl, line 1: not a JSON object on one line"],
  ["an array", "[]", 't.jsonl, line 1: expected a JSON object such as {"prompt"'],
  ["a number", "3", "expected a JSON object"],
  ["no output", lines({ prompt: "p" }), 'line 1: needs an "output" that is not empty'],
  ["an empty prompt", lines({ prompt: "", output: "o" }), 'line 1: needs a "prompt" that is not empty'],
  ["a prompt that is no text", lines({ prompt: ["p"], output: "o" }), '"prompt" must be text, got ["p"]'],
  [
    "no raw output",
    lines({ prompt: "p", output: "o", prompt_raw: "r" }),
    'needs an "output_raw" that is not empty',
  ],
  [
    "both namings",
    lines({ prompt: "p", output: "o", prompt_raw: "r", output_raw: "s", output_cot: "c" }),
    "both *_raw and *_cot",
  ],
  [
    "half a chain of thought",
    lines({ prompt: "p", output: "o", prompt_cot: "c" }),
    'has "prompt_cot" without "output_cot"',
  ],
  [
    "an id twice",
    lines({ id: 1, prompt: "p", output: "o" }, { id: "1", prompt: "p", output: "o" }),
    'line 2: id "1" is already on line 1',
  ],
  [
    "an answer that is no text",
    lines({ prompt: "p", output: "o", answer: {} }),
    '"answer" must be text or a number',
  ],
])("refuses: %s", (_, text, words) => {
  const error = caught(() => parseRows(text, "t.jsonl"));
  expect(error.message).toContain(words);
});

test("errors carry their line", () => {
  expect(caught(() => parseRows("\n\n{}", "t")).line).toBe(3);
});

test("2,000 damaged files", () => {
  const good = lines(
    { id: "a", prompt: "P é", output: "O", prompt_cot: "PC", output_cot: "OC" },
    { prompt: "x", output: "y", answer: 3 },
  );
  let refused = 0;
  for (let seed = 0; seed < 2000; seed++) {
    const rng = createRng(seed);
    const chars = [...good];
    for (let n = 1 + rng.int(4); n > 0; n--) {
      const at = rng.int(chars.length);
      const piece = [
        '"',
        "{",
        "}",
        ":",
        ",",
        "\n",
        "[",
        "null",
        "1e999",
        "\\u0000",
        "",
        String.fromCodePoint(rng.int(0x3000)),
      ];
      chars.splice(at, rng.int(3), piece[rng.int(piece.length)]!);
    }
    try {
      parseRows(chars.join("").slice(0, rng.int(2) ? undefined : rng.int(chars.length)), "t");
    } catch (error) {
      if (!(error instanceof DataError)) throw new Error(`mutant ${seed}`, { cause: error });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(500);
  expect(refused).toBeLessThan(2000);
});

describe("score", () => {
  test.each([
    ["42", "42"],
    [" Tuesday. ", "Tuesday"],
    ["6 + 7 = 13. 13 * 2 = 26.\nTherefore, the answer is: 26.", "26"],
    ["So the answer is 3. No: the answer is 4", "4"],
    ["The Answer Is: yes", "yes"],
    ["3.5", "3.5"],
    ["the answer is:", ""],
    ["", ""],
  ])("the answer of %j is %j", (text, answer) => expect(extractAnswer(text)).toBe(answer));

  test("exact match", () => {
    expect(exactMatch("… Therefore, the answer is: 26.", "26")).toBe(true);
    expect(exactMatch("26", "Therefore, the answer is: 26")).toBe(true);
    expect(exactMatch("The answer is 26 apples", "26")).toBe(false);
    expect(exactMatch("", "26")).toBe(false);
  });
});

function caught(run: () => unknown): DataError {
  try {
    run();
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error("expected a DataError, but nothing was thrown");
}
