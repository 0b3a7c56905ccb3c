// alignChunks — plan
//   examples       the one in the header; one side finer than the other; equal tokenizations give one chunk a token
//   characters     a tokenizer that cuts inside a character closes no chunk there, unless the other cuts there too
//   no text        a BOS on one side joins the first chunk; EOS at the end belongs to none
//   leading space  of one side alone does not count; of both it does
//   other text     what differs belongs to no chunk, what follows it does again; nothing in common gives none
//   properties     random cuts of random text: chunks cover the text in order, both sides' bytes of a chunk are equal, and
//                  no chunk can be split (control: removing one end merges two chunks)
import { describe, expect, test } from "vitest";
import { createRng } from "../../../src/config/rng";
import { alignChunks } from "../../../src/data";

const bytes = (text: string) => new TextEncoder().encode(text);
const tokens = (...texts: string[]) => texts.map(bytes);
const NONE = new Uint8Array();

describe("alignChunks", () => {
  test("examples", () => {
    expect(alignChunks(tokens("Hel", "lo ", "wor", "ld"), tokens("Hello", " ", "world"))).toEqual([
      { student: [0, 2], teacher: [0, 2] },
      { student: [2, 4], teacher: [2, 3] },
    ]);
    expect(alignChunks(tokens("a", "b", "c"), tokens("abc"))).toEqual([{ student: [0, 3], teacher: [0, 1] }]);
    expect(alignChunks(tokens("a", "b"), tokens("a", "b"))).toEqual([
      { student: [0, 1], teacher: [0, 1] },
      { student: [1, 2], teacher: [1, 2] },
    ]);
    expect(alignChunks([], tokens("a"))).toEqual([]);
  });

  test("inside a character", () => {
    const euro = bytes("€"); // three bytes
    const [head, tail] = [euro.subarray(0, 1), euro.subarray(1)];
    expect(alignChunks([bytes("a"), head, tail], [bytes("a"), euro])).toEqual([
      { student: [0, 1], teacher: [0, 1] },
      { student: [1, 3], teacher: [1, 2] },
    ]);
    expect(alignChunks([head, tail], [head, tail])).toHaveLength(2);
    // A row that was cut there on one side alone.
    expect(alignChunks([bytes("a"), head], [bytes("a"), head, tail])).toEqual([
      { student: [0, 1], teacher: [0, 1] },
      { student: [1, 2], teacher: [1, 2] },
    ]);
    expect(alignChunks([head, tail], [euro.subarray(0, 2), euro.subarray(2)])).toEqual([
      { student: [0, 2], teacher: [0, 2] },
    ]);
  });

  test("tokens without text", () => {
    expect(alignChunks([NONE, bytes("ab"), NONE], [bytes("a"), bytes("b"), NONE])).toEqual([
      { student: [0, 2], teacher: [0, 2] },
    ]);
    expect(alignChunks([bytes("a"), NONE, bytes("b")], tokens("a", "b"))).toEqual([
      { student: [0, 1], teacher: [0, 1] },
      { student: [1, 3], teacher: [1, 2] },
    ]);
  });

  test("leading spaces", () => {
    const want = [
      { student: [0, 1], teacher: [0, 1] },
      { student: [1, 2], teacher: [1, 2] },
    ];
    expect(alignChunks(tokens(" ab", "c"), tokens("ab", "c"))).toEqual(want);
    expect(alignChunks(tokens("ab", "c"), tokens(" ab", "c"))).toEqual(want);
    expect(alignChunks(tokens(" ab", "c"), tokens(" ab", "c"))).toEqual(want);
    expect(alignChunks(tokens(" ", "ab"), tokens("ab"))).toEqual([{ student: [0, 2], teacher: [0, 1] }]);
  });

  test("another text", () => {
    expect(alignChunks(tokens("ab", "cd", "e"), tokens("ab", "cx", "e"))).toEqual([
      { student: [0, 1], teacher: [0, 1] },
      { student: [2, 3], teacher: [2, 3] },
    ]);
    expect(alignChunks(tokens("x"), tokens("y"))).toEqual([]);
  });

  test("random cuts", () => {
    const rng = createRng(3);
    const cut = (whole: Uint8Array): Uint8Array[] => {
      const parts: Uint8Array[] = [];
      for (let from = 0; from < whole.length;) {
        const to = Math.min(whole.length, from + 1 + rng.int(4));
        parts.push(whole.slice(from, to));
        from = to;
      }
      return parts;
    };
    for (let trial = 0; trial < 50; trial++) {
      const whole = bytes(Array.from({ length: 1 + rng.int(30) }, () => "aé€😀 b"[rng.int(6)]).join(""));
      const [s, t] = [cut(whole), cut(whole)];
      const chunks = alignChunks(s, t);
      const size = (side: Uint8Array[], [from, to]: readonly [number, number]) =>
        side.slice(from, to).reduce((sum, part) => sum + part.length, 0);
      expect(chunks.at(-1)?.student[1]).toBe(s.length);
      expect(chunks.at(-1)?.teacher[1]).toBe(t.length);
      let [at, atT] = [0, 0];
      for (const { student, teacher } of chunks) {
        expect([student[0], teacher[0]]).toEqual([at, atT]);
        [at, atT] = [student[1], teacher[1]];
        expect(size(s, student)).toBe(size(t, teacher));
        const inner = (side: Uint8Array[], [from, to]: readonly [number, number]) =>
          Array.from({ length: to - from - 1 }, (_, k) => size(side, [from, from + k + 1]));
        const shared = inner(s, student).filter((end) => inner(t, teacher).includes(end));
        expect(shared).toEqual([]);
      }
    }
  });
});
