// tokens that two vocabularies share — plan (small made tokenizers; Gemma's kind against Qwen's)
//   bytes        line breaks, accents, Chinese and bytes match though they are spelled differently; what is spelled alike and
//                stands for other bytes does not; a letter's own token comes before the byte that is written <0x61>
//   spelling     as published: none of these, and the false friend
//   properties   generated pairs: bytes of a match are equal, ids ascend, each id once, and there are as many as both have
//                (counted here by multiset); on the bundled pairs both ways give the same
//   mined        read by bytes, the vocabulary map and the alignment find 日 in a byte-level vocabulary; by spelling they do not
import fc from "fast-check";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type SideBatch, tokenTables, type TokenTables, type ViewBatch } from "../../src/data";
import { loadTokenizer, type Tokenizer } from "../../src/models";
import { folderFiles } from "../../src/models/files/node-files";
import { alignMined } from "../../src/objectives/align/mined";
import { matchedTokens } from "../../src/data/matched-tokens";
import { madeTokenizer, type Traits } from "../support/made-tokenizers";

const GEMMA: Traits = {
  scheme: "metaspace",
  words: ["a", "é", " é", "日", "日本", " the", "\n", "¡", "  "],
  added: ["▁▁", "\n\n"],
};
const QWEN: Traits = { scheme: "byte-level", words: ["é", " \u00c3", "日", "日本", " the", "\n\n", "  "] };

async function pair(student: Traits, teacher: Traits) {
  const [s, t] = [await madeTokenizer(student), await madeTokenizer(teacher)];
  return { tables: tokenTables(s, t), text: (id: number) => new TextDecoder().decode(s.tokenBytes(id)) };
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const idOf = (table: TokenTables["student"], raw: string) =>
  Array.from({ length: table.size }, (_, id) => id).find((id) => table.raw(id) === raw)!;

describe("Gemma's kind and Qwen's", () => {
  test("by bytes", async () => {
    const { tables, text } = await pair(GEMMA, QWEN);
    const { student, teacher } = matchedTokens(tables, "bytes");
    const found = student.map(text);
    for (const wanted of ["é", "日", "日本", " the", "\n", "\n\n", "  ", "a"])
      expect(found).toContain(wanted);
    student.forEach((id, k) =>
      expect(same(tables.student.bytes(id), tables.teacher.bytes(teacher[k]!))).toBe(true),
    );
    const letter = student[teacher.indexOf(idOf(tables.teacher, "a"))]!;
    expect(tables.student.raw(letter)).toBe("a"); // not <0x61>
    expect(student.length).toBeGreaterThan(256);
  });

  test("by spelling, as published", async () => {
    const { tables, text } = await pair(GEMMA, QWEN);
    const { student, teacher } = matchedTokens(tables, "spelling");
    const found = student.map(text);
    expect(found).toContain(" the");
    for (const missed of ["日", "日本", "\n", "\n\n"]) expect(found).not.toContain(missed);
    const friend = student.indexOf(idOf(tables.student, "é")); // as é, and as half of a letter
    expect(friend).toBeGreaterThanOrEqual(0);
    expect(same(tables.student.bytes(student[friend]!), tables.teacher.bytes(teacher[friend]!))).toBe(false);
  });
});

const WORDS = ["the", " the", "é", "日", "日本", "\n\n", "  ", "   ", " a", "ﬁ", "▁x", "<0x41>", "\t"];
const traits: fc.Arbitrary<Traits> = fc.record({
  scheme: fc.constantFrom("byte-level" as const, "metaspace" as const),
  words: fc.uniqueArray(fc.constantFrom(...WORDS), { maxLength: 8 }),
  added: fc.uniqueArray(fc.constantFrom("▁▁", "▁▁▁", "\n\n", "[x]", "é"), { maxLength: 3 }),
});

test("generated pairs", async () => {
  for (const [s, t] of fc.sample(fc.tuple(traits, traits), { numRuns: 60, seed: 5 })) {
    const { tables } = await pair(s, t);
    const { student, teacher } = matchedTokens(tables, "bytes");
    const count = (table: TokenTables["student"]) => {
      const counts = new Map<string, number>();
      for (let id = 0; id < table.size; id++) {
        const key = table.bytes(id).join();
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return counts;
    };
    const [own, other] = [count(tables.student), count(tables.teacher)];
    const both = [...own].reduce((sum, [key, n]) => sum + Math.min(n, other.get(key) ?? 0), 0);
    expect(student.length).toBe(both);
    expect(new Set(teacher).size).toBe(both);
    student.forEach((id, k) => {
      expect(same(tables.student.bytes(id), tables.teacher.bytes(teacher[k]!))).toBe(true);
      if (k > 0) expect(id).toBeGreaterThan(student[k - 1]!);
    });
  }
});

test.each(["couplet-student", "couplet-student-near", "couplet-gpt2"])(
  "the bundled %s: both ways are one",
  async (id) => {
    const bundled = (name: string): Promise<Tokenizer> =>
      loadTokenizer(
        folderFiles(name, fileURLToPath(new URL(`../../public/models/${name}`, import.meta.url))),
      );
    const tables = tokenTables(await bundled(id), await bundled("couplet-teacher"));
    const found = matchedTokens(tables, "bytes");
    expect(found).toEqual(matchedTokens(tables, "spelling"));
    expect(found.student.length).toBeGreaterThan(300);
  },
);

test("MinED over bytes finds what spelling hides", async () => {
  const { tables } = await pair(GEMMA, QWEN);
  const ids = (table: TokenTables["student"], ...texts: string[]) =>
    texts.map((text) => {
      const bytes = new TextEncoder().encode(text);
      return Array.from({ length: table.size }, (_, id) => table.size - 1 - id).find((id) =>
        same(table.bytes(id), bytes),
      )!;
    });
  const side = (tokens: number[]): SideBatch => ({
    ...{ B: 1, T: tokens.length, ids: Int32Array.from(tokens), mask: new Uint8Array(tokens.length).fill(1) },
    lengths: Int32Array.of(tokens.length),
    rows: Uint32Array.from(tokens.keys()),
    labels: Int32Array.from(tokens),
    rowOffsets: Uint32Array.of(0, tokens.length),
  });
  const view: ViewBatch = {
    student: side(ids(tables.student, " the", "日", "é")),
    teacher: side(ids(tables.teacher, " the", "日", "é")),
  };
  expect([...alignMined(view, tables, "bytes", tables.student.size).source]).toEqual([0, 1, 2]);
  expect([...alignMined(view, tables, "spelling", tables.student.size).source].slice(1)).not.toEqual([1, 2]);
});
