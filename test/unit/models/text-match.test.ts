// where two byte strings are one text — plan
//   examples     the one in the header; a space in front of either; a composed and a decomposed letter; a ligature; case;
//                final sigma; Hangul; accents that one side lacks stay with their letter; white space that one side lacks
//   after        an unknown token, a thought, another word: the texts go on where they next agree, also between spaces and case
//                that one side drops; spaces go with what follows
//   tiling       any two strings are covered in order, without gaps; `same` is byte for byte (control: it is not everywhere)
//   normalized   × {NFC, NFD, NFKC, NFKD}²: two forms of one text differ nowhere; each `equal` has one NFKD (derived from
//                Unicode, not from the code's own folding)
//   inserted     a block put into a text: everything around it is the same
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchTexts } from "../../../src/models";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (of: Uint8Array, [from, to]: readonly [number, number]) =>
  new TextDecoder().decode(of.subarray(from, to));

/** Stretches as [kind, a's text, b's text]. */
function stretches(a: string, b: string): [string, string, string][] {
  const [x, y] = [bytes(a), bytes(b)];
  return matchTexts(x, y).map(({ kind, a: inA, b: inB }) => [kind, textOf(x, inA), textOf(y, inB)]);
}

describe("examples", () => {
  test("the header's", () => {
    expect(stretches("The  ﬁle ☕ is", "The file [UNK] is")).toEqual([
      ["same", "The ", "The "],
      ["dropped", " ", ""],
      ["equal", "ﬁ", "fi"],
      ["same", "le ", "le "],
      ["different", "☕", "[UNK]"],
      ["same", " is", " is"],
    ]);
  });
  test.each([
    ["The owl", " The owl", "", " ", "The owl"],
    [" The owl", "The owl", " ", "", "The owl"],
    ["  The owl", " The owl", " ", "", " The owl"],
    [" The owl", "  The owl", "", " ", " The owl"],
  ])("a space in front: %j and %j", (a, b, ofA, ofB, rest) => {
    expect(stretches(a, b)).toEqual([
      ["dropped", ofA, ofB],
      ["same", rest, rest],
    ]);
  });
  test.each([
    ["cafe\u0301 a", "caf\u00e9 a", "e\u0301", "\u00e9"],
    ["caf\u00e9 a", "cafe a", "\u00e9", "e"],
    ["cafe\u0301 a", "cafe a", "e\u0301", "e"],
    ["caf\u00e9", "cafe\u0301", "\u00e9", "e\u0301"],
    ["cafe", "cafe\u0301", "e", "e\u0301"],
    ["cafA a", "cafa a", "A", "a"],
    ["cafς a", "cafΣ a", "ς", "Σ"],
    ["caf각 a", "caf\u1100\u1161\u11a8 a", "각", "\u1100\u1161\u11a8"],
    ["caf가\u11a8 a", "caf각 a", "가\u11a8", "각"],
    ["caf① a", "caf1 a", "①", "1"],
    ["cafＡ a", "cafA a", "Ａ", "A"],
    ["cafo\u0302\u0301 a", "cafo\u0301\u0302 a", "o\u0302\u0301", "o\u0301\u0302"],
    ["caf▁a", "caf a", "▁", " "],
    ["caf\na", "caf a", "\n", " "],
  ])("%j and %j", (a, b, ofA, ofB) => {
    const equal = stretches(a, b).filter(([kind]) => kind !== "same");
    expect(equal).toEqual([["equal", ofA, ofB]]);
  });
  test("white space and invisible characters of one side", () => {
    expect(stretches("a  b ", "ab")).toEqual([
      ["same", "a", "a"],
      ["dropped", "  ", ""],
      ["same", "b", "b"],
      ["dropped", " ", ""],
    ]);
    expect(stretches("ab", "a\u200bb").filter(([kind]) => kind === "different")).toEqual([]);
  });
});

describe("after a difference", () => {
  test.each([
    ["say <|im_end|> now", "say  now"],
    ["<think>\n\n</think>\n\nThe owl sees.", "The owl sees."],
    ["The cat sat there.", "The dog sat there."],
    ["x ".repeat(300) + "and the owl sees it all.", "and the owl sees it all."],
  ])("%j: the rest is the same", (a, b) => {
    const end = b.slice(-4);
    const last = stretches(a, b).at(-1)!;
    expect(last[0]).toBe("same");
    expect(last[1].endsWith(end)).toBe(true);
    const lost = stretches(a, b).reduce((sum, [kind, , y]) => sum + (kind === "different" ? y.length : 0), 0);
    expect(lost).toBeLessThanOrEqual(3);
  });
  test.each([
    ["The Café, ☕ thing ☕ x the and", "thecafe,[UNK]thing[UNK]xtheand", ["☕", "☕"]],
    ["ﬁ and ½ the", "[UNK]and[UNK]the", ["ﬁ", "½"]],
    ["日本 the ☕ 日", " the <unk> 日", ["日本"]],
  ])("%j, of which the other side knows not all: %j", (a, b, lost) => {
    const apart = stretches(a, b).filter(([kind]) => kind === "different");
    expect(apart.map(([, x]) => x.trim()).slice(0, lost.length)).toEqual(lost);
    expect(stretches(a, b).at(-1)![0]).toBe("same");
  });
  test("nothing in common", () => {
    expect(stretches("abc", "xyz")).toEqual([["different", "abc", "xyz"]]);
    expect(stretches("", "xyz")).toEqual([["different", "", "xyz"]]);
    expect(stretches("", "")).toEqual([]);
  });
});

const odd = fc.constantFrom(
  ...[
    "the ",
    " and",
    "\n\n",
    "  ",
    "é",
    "e\u0301",
    "ﬁ",
    "日本",
    "👩‍🔬",
    "</s>",
    "[UNK]",
    "▁",
    "\u200b",
    "İ",
    "ß",
  ],
  ...["각", "\u1100\u1161", "ｶﾞ", "ﷺ", "½", "a\u0323\u0301", "A", "Ω", "\u0301", "\0", "\u2028"],
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.array(odd, { maxLength: 30 }).map((parts) => parts.join("")),
);

test("any two strings are tiled", () => {
  let different = 0;
  const anyBytes = fc.oneof(
    text.map(bytes),
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 40, min: 0xbe, max: 0xc4 }),
  );
  fc.assert(
    fc.property(anyBytes, anyBytes, (a, b) => {
      let [i, j] = [0, 0];
      for (const { kind, a: inA, b: inB } of matchTexts(a, b)) {
        expect([inA[0], inB[0]]).toEqual([i, j]);
        expect(inA[1] - i + (inB[1] - j)).toBeGreaterThan(0);
        if (kind === "same") expect(a.subarray(...inA)).toEqual(b.subarray(...inB));
        else different++;
        [i, j] = [inA[1], inB[1]];
      }
      expect([i, j]).toEqual([a.length, b.length]);
    }),
    { numRuns: 1500, seed: 3 },
  );
  expect(different).toBeGreaterThan(500);
});

describe.each(["NFC", "NFD", "NFKC", "NFKD"])("%s", (first) => {
  test.each(["NFC", "NFD", "NFKC", "NFKD"])("and %s", (second) => {
    fc.assert(
      fc.property(text, (s) => {
        const well = textOf(bytes(s), [0, Infinity]); // no lone surrogates
        for (const [kind, a, b] of stretches(well.normalize(first), well.normalize(second))) {
          expect(kind).not.toBe("different");
          if (kind === "equal") expect(a.normalize("NFKD")).toBe(b.normalize("NFKD"));
        }
      }),
      { numRuns: 400, seed: 5 },
    );
  });
});

test("a block put into a text: what is around it is the same", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcdefgh"), minLength: 3, maxLength: 8 });
  const words = fc.array(word, { minLength: 4, maxLength: 40 }).map((list) => list.join(" "));
  fc.assert(
    fc.property(
      words,
      words,
      fc.string({ unit: fc.constantFrom(..."☕♞♜"), minLength: 1, maxLength: 200 }),
      (head, tail, block) => {
        const found = stretches(`${head} ${block} ${tail}`, `${head} ${tail}`);
        const same = found.reduce((sum, [kind, , b]) => sum + (kind === "same" ? b.length : 0), 0);
        expect(same).toBeGreaterThanOrEqual(`${head} ${tail}`.length - 1);
      },
    ),
    { numRuns: 200, seed: 7 },
  );
});
