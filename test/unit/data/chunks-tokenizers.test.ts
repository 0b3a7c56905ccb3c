// chunks over real tokenizers (small ones, through transformers.js) — plan
//   by hand      Gemma's added runs of ▁ against byte-level tokens on code; Llama 2's space in front against a response that
//                begins with one; NFC against none; a stop token and a ▁ that somebody wrote; an unknown word; another text
//                after a template's thought
//   ends         what ends a response stands for no text; the same token inside it does
//   properties   generated tokenizers (scheme, normalizers, space in front, added tokens, words) in pairs × generated texts:
//                chunks of both sides tile all tokens in order, and the texts of a chunk are one text in NFKC and lower case
//                (control: with the bytes of added tokens taken as they are written, they do not)
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { alignChunks, type Chunk, textBytes, tokenTable } from "../../../src/data";
import type { Tokenizer } from "../../../src/models";
import { madeTokenizer, type Traits } from "../../support/made-tokenizers";

const CODE = ["def", " return", " w", " h", " the", "The", " owl", " caf", "é", " say", " now", " |", "▁b"];
const GEMMA: Traits = {
  scheme: "metaspace",
  added: ["▁▁", "▁▁▁▁", "▁▁▁▁▁▁▁▁", "\n\n"],
  words: [...CODE, "  ", "    ", "        "],
};
const LLAMA2: Traits = { scheme: "metaspace", prefixSpace: true, words: [...CODE, "  "] };
const LLAMA3: Traits = { scheme: "byte-level", words: [...CODE, "  ", "   ", "\n "] };
const QWEN: Traits = { scheme: "byte-level", normalizers: ["NFC"], words: CODE, added: ["<|im_end|>"] };

interface Aligned {
  readonly chunks: Chunk[];
  readonly student: readonly Uint8Array[];
  readonly teacher: readonly Uint8Array[];
}

function align(student: Tokenizer, teacher: Tokenizer, text: string, other = text): Aligned {
  const response = (tok: Tokenizer, of: string) => textBytes([...tok.encode(of), tok.eosId], tokenTable(tok));
  const [s, t] = [response(student, text), response(teacher, other)];
  return { student: s, teacher: t, chunks: alignChunks(s, t) };
}

const joined = (tokens: readonly Uint8Array[], [from, to]: readonly [number, number]): string =>
  new TextDecoder().decode(Uint8Array.from(tokens.slice(from, to).flatMap((token) => [...token])));

/** The chunks' texts, student's and teacher's. */
const textsOf = ({ chunks, student, teacher }: Aligned): [string, string][] =>
  chunks.map((chunk) => [joined(student, chunk.student), joined(teacher, chunk.teacher)]);

function expectTiled({ chunks, student, teacher }: Aligned): void {
  let [s, t] = [0, 0];
  for (const chunk of chunks) {
    expect([chunk.student[0], chunk.teacher[0]]).toEqual([s, t]);
    [s, t] = [chunk.student[1], chunk.teacher[1]];
  }
  // All but the end; of white space at the end one side may have more.
  const rest = [joined(student, [s, Infinity]), joined(teacher, [t, Infinity])];
  expect(rest.map((text) => text.replaceAll(/[\s▁]/gu, ""))).toEqual(["", ""]);
}

describe("by hand", () => {
  test.each([
    "def area(w, h):\n    return w\n\n\n        the",
    "| w  |   h |\n| the |\n",
    "  The owl",
    "a     b",
  ])("Gemma's runs of ▁ on %j", async (text) => {
    const [student, teacher] = [await madeTokenizer(GEMMA), await madeTokenizer(LLAMA3)];
    const got = align(student, teacher, text);
    expectTiled(got);
    for (const [a, b] of textsOf(got)) expect(a).toBe(b);
    expect(
      textsOf(got)
        .map(([a]) => a)
        .join(""),
    ).toBe(text);
    expect(got.chunks.length).toBeGreaterThan(1);
  });

  test.each([
    [LLAMA2, QWEN],
    [QWEN, LLAMA2],
  ])("a response that begins with a space, one side with another in front", async (first, second) => {
    const got = align(await madeTokenizer(first), await madeTokenizer(second), " The owl");
    expectTiled(got);
    expect(textsOf(got).map(([, b]) => b.trim())).toContain("owl");
  });

  test("composed and decomposed letters", async () => {
    const [student, teacher] = [await madeTokenizer(LLAMA3), await madeTokenizer(QWEN)];
    const text = "The cafe\u0301 say now e\u0301\u0323 the owl";
    const got = align(student, teacher, text);
    expectTiled(got);
    expect(textsOf(got)[0]).toEqual(["The", "The"]);
    expect(textsOf(got).at(-1)).toEqual([" owl", " owl"]);
    expect(got.chunks.length).toBeGreaterThan(6);
  });

  test("a stop token in the text, and a ▁", async () => {
    const [student, teacher] = [
      await madeTokenizer(LLAMA2),
      await madeTokenizer({ ...QWEN, words: [...CODE, "▁b"] }),
    ];
    const stop = align(student, teacher, "say </s> now");
    expect(textsOf(stop).at(-1)).toEqual(["  now", " now"]); // a space in front, after a special token too
    expect(textsOf(stop).map(([a]) => a.trim())).toContain("</s>");
    expectTiled(stop);
    const low = align(student, teacher, "say ▁b▁ now");
    expect(textsOf(low).at(-1)).toEqual([" now", " now"]);
    expectTiled(low);
  });

  test("an unknown word takes no part, what follows does", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    const s = ["the", " ", "owl", " sees"].map(bytes);
    expect(alignChunks(s, ["the", " ", "[UNK]", " sees"].map(bytes))).toEqual([
      { student: [0, 1], teacher: [0, 1] },
      { student: [1, 2], teacher: [1, 2] },
      { student: [3, 4], teacher: [3, 4] },
    ]);
  });

  test("what only one side begins with takes no part", async () => {
    const [student, teacher] = [await madeTokenizer(QWEN), await madeTokenizer(LLAMA3)];
    const got = align(student, teacher, "<think>\n\n</think>\n\nThe owl", "The owl");
    expect(textsOf(got)).toEqual([
      ["The", "The"],
      [" owl", " owl"],
    ]);
  });

  test("what ends a response stands for no text", async () => {
    const tok = await madeTokenizer(LLAMA3);
    const ids = [...tok.encode("The</s> owl"), tok.eosId];
    const lengths = textBytes(ids, tokenTable(tok)).map((bytes) => bytes.length);
    expect(lengths).toEqual([3, 4, 4, 0]);
  });
});

const normalizers = fc.constantFrom<NonNullable<Traits["normalizers"]>>(
  [],
  ["NFC"],
  ["NFD"],
  ["NFKC"],
  ["NFKD"],
  ["Lowercase"],
  ["NFKC", "Lowercase"],
  ["NFD", "StripAccents"],
);
const WORDS = [
  "the",
  " the",
  "The",
  " an",
  "and",
  "e\u0301",
  "é",
  "日本",
  "  ",
  "   ",
  "\n\n",
  " ﬁ",
  "fi",
  "a▁",
  "👩",
  " 1",
  "İ",
];
const traits: fc.Arbitrary<Traits> = fc.record({
  scheme: fc.constantFrom("byte-level" as const, "metaspace" as const),
  normalizers,
  prefixSpace: fc.boolean(),
  words: fc.uniqueArray(fc.constantFrom(...WORDS), { maxLength: 10 }),
  added: fc.uniqueArray(fc.constantFrom("▁▁", "▁▁▁", "\n\n", "<|end|>", "[x]", "\t"), { maxLength: 4 }),
});
const part = fc.constantFrom(
  ...[
    "the",
    " the",
    "The ",
    "and",
    " ",
    "  ",
    "    ",
    "\n",
    "\n\n",
    "\t",
    "é",
    "e\u0301",
    "E\u0301",
    "ﬁ",
    "fi",
    "日本",
  ],
  ...[
    "👩‍🔬",
    "<|end|>",
    "</s>",
    "[x]",
    "▁",
    "▁▁",
    "a▁b",
    "1",
    "½",
    "각",
    "İ",
    "ß",
    "\r\n",
    "Ａ",
    "x",
    "<0xE2>",
  ],
);
const texts = fc.oneof(
  { weight: 3, arbitrary: fc.array(part, { minLength: 1, maxLength: 16 }).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }) },
);

/** What remains of a text when all that a normalizer may change is gone. */
const essence = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Cf}\p{Cc}\s▁]/gu, "");

/** Letters at the edges of a chunk may be cut: their bytes are no characters. */
const whole = (text: string): boolean => !text.includes("\uFFFD");

test("generated tokenizers × texts: chunks tile both sides", async () => {
  let split = 0;
  const pairs = fc.sample(fc.tuple(traits, traits), { numRuns: 40, seed: 17 });
  for (const [first, second] of pairs) {
    const [student, teacher] = [await madeTokenizer(first), await madeTokenizer(second)];
    fc.assert(
      fc.property(texts, (text) => {
        if (essence(text) === "") return; // nothing but white space: a normalizer may leave nothing of it
        const got = align(student, teacher, text);
        expectTiled(got);
        for (const [a, b] of textsOf(got)) if (whole(a) && whole(b)) expect(essence(a)).toBe(essence(b));
        if (got.chunks.length > 1) split++;
      }),
      { numRuns: 60, seed: 19, examples: [[" The and"], ["  the"], ["the▁▁the"], ["cafe\u0301 the"]] },
    );
  }
  expect(split).toBeGreaterThan(1500);
});
