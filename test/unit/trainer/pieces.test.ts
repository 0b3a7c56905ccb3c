// pieces — plan
//   bundled     both tokenizers: the pieces join to the text, digits and accents apart as each cuts them
//   half        bytes of one character come together; a text that the tokens do not give back has none
import { expect, test } from "vitest";
import { loadTokenizer } from "../../../src/models";
import { piecesOf } from "../../../src/trainer/pieces";
import { bundledSources } from "../../support/bundled";

test.each(["teacher", "student"] as const)("the bundled %s's tokens join to the text", async (side) => {
  const tokenizer = await loadTokenizer(bundledSources()[side]);
  for (const text of ["18 - 5 = 13. 13 + 9 = 22.\nTherefore, the answer is: 22", "no", ""]) {
    const pieces = piecesOf(tokenizer, text);
    expect(pieces?.join("")).toBe(text);
    expect(pieces?.every((piece) => piece !== "")).toBe(true);
  }
});

/** Bytes as ids, as a byte-level tokenizer without merges has them. */
const bytes = {
  encode: (text: string) => [...new TextEncoder().encode(text)],
  decode: (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids)),
};

test("half a character waits for its other half", () => {
  expect(piecesOf(bytes, "aé€!")).toEqual(["a", "é", "€", "!"]);
});

test("tokens that do not give the text back", () => {
  expect(piecesOf({ ...bytes, decode: () => "?" }, "abc")).toBeUndefined();
});
