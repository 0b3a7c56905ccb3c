// What a student has written, read by a teacher — plan
//   text and end   the teacher's own end behind its own tokens, whatever the student's is called, also where the student's vocabulary
//                  has no such token; an end that was written out as letters stays letters; no end where the answer was cut off
//   bytes          a character in two tokens, half a character, bytes that are none: the teacher's bytes are the student's, never
//                  U+FFFD; bytes that a teacher has no token for are counted
//   groups         by bytes, the ends a group of their own; a token without text is in none; disjoint, ascending, and of equal bytes
//                  for generated answers of any tokens
//   nothing        an answer of an end alone; one cut off before its first byte; no text in common
//   limits         the teacher's context: the prompt's front goes first
//   one vocabulary the very tokens, one by one
//   prompts        cut from the front behind <bos>; rows without an answer have their end alone
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeRow, type PreparedRow, readWritten, type Row } from "../../../src/data";
import { responseGroups } from "../../../src/data/written";
import type { Tokenizer } from "../../../src/models";
import { madeTokenizer } from "../../support/made-tokenizers";

let student: Tokenizer; // ▁ and byte fallback, a space in front
let teacher: Tokenizer; // byte-level
beforeAll(async () => {
  student = await madeTokenizer({
    scheme: "metaspace",
    prefixSpace: true,
    words: [" the", " owl", "é"],
    added: ["<header>"],
  });
  const own = await madeTokenizer({
    scheme: "byte-level",
    words: ["the", " owl", "é", " é"],
    added: ["<turn_end>"],
  });
  const end = own.encode("<turn_end>")[0]!;
  teacher = { ...own, eosId: end, stopIds: [end] };
});

const row: Row = { id: "1", prompt: "say", output: "" };
const prepared = (): PreparedRow => ({
  ...{ index: 0, row },
  student: encodeRow(student, row, "plain", 64, 32),
  teacher: encodeRow(teacher, row, "plain", 64, 32),
});
const read = (
  tokens: readonly number[],
  more: { ended?: boolean; teacherLength?: number; teacher?: Tokenizer } = {},
) =>
  readWritten(
    prepared(),
    { tokens, ended: more.ended ?? tokens.at(-1) === student.eosId },
    {
      ...{ student, teacher: more.teacher ?? teacher, sameTokens: false, view: "plain" as const },
      teacherLength: more.teacherLength ?? 64,
    },
  );
const response = ({ ids, promptLength }: PreparedRow["teacher"]) => [...ids.subarray(promptLength)];
const bytesOf = (tok: Tokenizer, ids: readonly number[]) => ids.flatMap((id) => [...tok.tokenBytes(id)]);
const byteOf = (byte: number) => {
  const hex = byte.toString(16).toUpperCase().padStart(2, "0");
  for (let id = 0; id < student.vocabSize; id++) if (student.rawToken(id) === `<0x${hex}>`) return id;
  throw new Error("no such byte");
};

describe("text and end", () => {
  test("each side has its own end, and the ends are one group", () => {
    const tokens = [...student.encode("the owl"), student.eosId];
    const answer = read(tokens);
    const ids = response(answer.row!.teacher);
    expect(teacher.tokenText(ids.at(-1)!)).toBe("<turn_end>");
    expect(student.encode("<turn_end>").length).toBeGreaterThan(1); // the student has no such token
    expect(ids.slice(0, -1)).toEqual(teacher.encode("the owl"));
    expect(answer.row!.groups.at(-1)).toEqual([tokens.length - 1, tokens.length, ids.length - 1, ids.length]);
    expect([...answer.row!.student.ids].slice(-tokens.length)).toEqual(tokens);
  });

  test("an end written as letters is letters; what is cut off has no end", () => {
    const letters = student.encode("a b"); // whatever the student's own end reads like, its letters are text
    const cut = read([...letters, ...student.encode("<"), byteOf(0x2f)], { ended: false });
    expect(response(cut.row!.teacher)).not.toContain(teacher.eosId);
    expect(cut.row!.student.truncated).toBe(true);
    expect(cut.row!.groups.every(([, , , t1]) => t1 <= response(cut.row!.teacher).length)).toBe(true);
  });
});

describe("bytes", () => {
  test.each([
    ["a character in two tokens", [0xc3, 0xa9], true],
    ["half a character", [0x61, 0xc3], false],
    ["a stray continuation", [0x80, 0x61], false],
    ["three of four bytes of an emoji, and a letter", [0xf0, 0x9f, 0xa6, 0x61], false],
    ["an overlong form", [0xc0, 0xaf], false],
  ])("%s", (_, bytes, whole) => {
    const tokens = [...bytes.map(byteOf), student.eosId];
    const { row: got, unreadable } = read(tokens);
    const ids = response(got!.teacher).slice(0, -1);
    expect(bytesOf(teacher, ids)).toEqual(bytes);
    expect(unreadable).toBe(0);
    const held = new Set(got!.groups.flatMap(([a, b]) => Array.from({ length: b - a }, (_x, k) => a + k)));
    expect(held.size).toBe(tokens.length); // every token is in a group
    if (whole) expect(got!.groups[0]).toEqual([0, 2, 0, ids.length]);
  });

  test("bytes that the teacher has no token for are counted", async () => {
    const own = await madeTokenizer({ scheme: "byte-level", words: ["owl"] });
    const poor: Tokenizer = {
      ...own,
      tokenBytes: (id) => (own.tokenBytes(id)[0]! >= 0x80 ? new Uint8Array(2) : own.tokenBytes(id)),
    };
    const { row: got, unreadable } = read([...student.encode("a"), byteOf(0xc3), student.eosId], {
      teacher: poor,
    });
    expect(unreadable).toBe(1);
    expect(got!.groups).toHaveLength(2); // the letter, and the ends
  });
});

describe("groups", () => {
  test("a token without text is in no group, and parts what it stands in", () => {
    const [header] = student.encode("<header>");
    const s = [...student.encode("the"), header!, ...student.encode("owl"), student.eosId];
    const { row: got } = read(s);
    expect(bytesOf(teacher, response(got!.teacher).slice(0, -1))).toEqual(
      [..."the owl"].map((c) => c.charCodeAt(0)),
    );
    const at = s.indexOf(header!);
    expect(got!.groups.every(([a, b]) => at < a || at >= b)).toBe(true);
    expect(got!.groups.length).toBeGreaterThan(1);
  });

  test("of any answer: ascending, disjoint, of equal bytes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: student.vocabSize + 3 }), { minLength: 1, maxLength: 24 }),
        fc.boolean(),
        (drawn, ended) => {
          const tokens = [...drawn.filter((id) => id !== student.eosId), ...(ended ? [student.eosId] : [])];
          if (tokens.length === 0) return;
          const { row: got } = read(tokens, { ended, teacherLength: 400 });
          if (!got) return;
          const t = response(got.teacher);
          let [s0, t0] = [0, 0];
          for (const [a, b, c, d] of got.groups) {
            expect(a >= s0 && b > a && c >= t0 && d > c && b <= tokens.length && d <= t.length).toBe(true);
            [s0, t0] = [b, d];
            if (ended && b === tokens.length) continue;
            const [left, right] = [bytesOf(student, tokens.slice(a, b)), bytesOf(teacher, t.slice(c, d))];
            const space = left[0] === 0x20 && right[0] !== 0x20 ? left.slice(1) : left; // the one in front
            expect(space).toEqual(right);
          }
        },
      ),
      { numRuns: 150, seed: 3 },
    );
  });

  test("nothing in common: the ends alone, or nothing at all", () => {
    const other = [...teacher.encode("zzzz"), teacher.eosId];
    const s = [...student.encode("owl"), student.eosId];
    expect(responseGroups(s, other, { student, teacher })).toEqual([[s.length - 1, s.length, 4, 5]]);
    expect(responseGroups(s.slice(0, -1), other, { student, teacher })).toEqual([]);
  });
});

test("an answer of an end alone, and one without a readable byte", () => {
  const empty = read([student.eosId]);
  expect(response(empty.row!.teacher)).toEqual([teacher.eosId]);
  expect(empty.row!.groups).toEqual([[0, 1, 0, 1]]);
  const [header] = student.encode("<header>");
  expect(read([header!], { ended: false }).row).toBeUndefined();
});

test("the teacher's context takes the answer first", () => {
  const prompt = prepared().teacher.promptLength;
  const tokens = [...student.encode("the owl the owl"), student.eosId];
  const whole = response(read(tokens).row!.teacher);
  const tight = read(tokens, { teacherLength: whole.length + 1 }).row!.teacher;
  expect([tight.promptLength, response(tight)]).toEqual([1, whole]);
  expect(prompt).toBeGreaterThan(1);
  const tighter = read(tokens, { teacherLength: 3 }).row!;
  expect(tighter.teacher.ids).toHaveLength(3);
  expect(tighter.groups.every(([, , , t1]) => t1 <= 2)).toBe(true);
});

test("one vocabulary: the very tokens, one by one", () => {
  const tokens = [byteOf(0x61), byteOf(0x62), student.eosId]; // no tokenizer would cut "ab" so
  const own = { ...prepared(), teacher: prepared().student };
  const readers = { student, teacher: student, sameTokens: true, view: "plain" as const, teacherLength: 64 };
  const { row: got } = readWritten(own, { tokens, ended: true }, readers);
  expect(response(got!.teacher)).toEqual(tokens);
  expect(got!.groups).toEqual([0, 1, 2].map((k) => [k, k + 1, k, k + 1]));
});

test("prompts lose their front, behind what stands in front of every text", () => {
  const begun: Tokenizer = { ...student, around: { start: [student.padId], end: [] } };
  const long: Row = { id: "1", prompt: "the owl the owl the owl", output: "" };
  const all = encodeRow(begun, long, "plain", 64, 60, { front: true });
  const cut = encodeRow(begun, long, "plain", 64, 4, { front: true });
  expect([...cut.ids]).toEqual([student.padId, ...all.ids.subarray(all.promptLength - 3)]);
  expect(cut.promptLength).toBe(4);
  expect(cut.truncated).toBe(true);
  expect([...all.ids.subarray(all.promptLength)]).toEqual([student.eosId]);
});
