// sequences, batches, data sets, sampler — plan
//   encodeRow       a table of awkward rows: one token, exact fit, prompt cut on the right, response cut, no room, views
//   makeSideBatch   random rows against an oracle that loops over METHODS.md §0 literally; widths; refusals
//   prepareDataset  dropped with a reason, truncated counted, indices kept, none left
//   two views       a chain of thought with its plain view beside it, rows without one, the published records
//   sampler         same seed same stream; every row once per epoch; restore in mid-epoch; epochs differ
import { describe, expect, test } from "vitest";

import { createRng } from "../../../src/config/rng";
import {
  bucketLength,
  createSampler,
  DataError,
  encodeRow,
  makePairBatch,
  makeSideBatch,
  prepareDataset,
  responseLength,
  type Sequence,
} from "../../../src/data";
import { letters, pairs, row } from "./words";

const EOS = "\u0001";
const textOf = ({ ids }: Sequence) => String.fromCodePoint(...ids);

describe("encodeRow", () => {
  test.each([
    // prompt, output, maxLength, maxPrompt → x, |prompt|, truncated
    ["one token each", "p", "o", 9, 9, `po${EOS}`, 1, false],
    ["exact fit", "abc", "de", 6, 3, `abcde${EOS}`, 3, false],
    ["eos cut", "abc", "def", 6, 3, "abcdef", 3, true],
    ["response cut", "abc", "defghi", 5, 3, "abcde", 3, true],
    ["one response token left", "abc", "defghi", 4, 3, "abcd", 3, true],
    ["prompt cut on the right", "Q: long? A:", "yes", 99, 4, `Q: lyes${EOS}`, 4, true],
    ["prompt and response cut", "abcdef", "ghi", 5, 3, "abcgh", 3, true],
    ["prompt cut to one token", "abc", "d", 3, 1, `ad${EOS}`, 1, true],
    ["characters beyond the BMP", "🧪", "🧪", 9, 9, `🧪🧪${EOS}`, 1, false],
  ] as const)("%s", (_, prompt, output, maxLength, maxPrompt, text, promptLength, truncated) => {
    const seq = encodeRow(letters, row(prompt, output), "plain", maxLength, maxPrompt);
    expect([textOf(seq), seq.promptLength, seq.truncated]).toEqual([text, promptLength, truncated]);
    expect(responseLength(seq)).toBe(seq.ids.length - promptLength);
  });

  test("views", () => {
    const both = row("p", "o", { promptCot: "pc", outputCot: "oc" });
    expect(textOf(encodeRow(letters, both, "cot", 9, 9))).toBe(`pcoc${EOS}`);
    expect(() => encodeRow(letters, row("p", "o"), "cot", 9, 9)).toThrow("row r has no chain of thought");
  });

  test.each([
    ["no room", "abcd", 4, 9, DataError, "takes 4 of 4 tokens and leaves no room"],
    ["no tokens", "", 4, 9, DataError, "its prompt has no tokens"],
    ["limits", "abcd", 4, 0, RangeError, "maxLength 4, maxPrompt 0"],
    ["limits that are no numbers", "abcd", NaN, 2, RangeError, "maxLength NaN"],
  ] as const)("refuses: %s", (_, prompt, maxLength, maxPrompt, type, words) => {
    const run = () => encodeRow(letters, row(prompt, "o"), "plain", maxLength, maxPrompt);
    expect(run).toThrow(type);
    expect(run).toThrow(words);
  });
});

/** METHODS.md §0, read aloud: inputs x[:-1], label_p = x_{p+1}, −100 for p < |prompt|−1 and on padding. */
function oracle(seqs: Sequence[], padId: number, T: number) {
  const out = {
    ids: [] as number[],
    mask: [] as number[],
    rows: [] as number[],
    labels: [] as number[],
    offsets: [0],
  };
  seqs.forEach(({ ids: x, promptLength }, b) => {
    for (let p = 0; p < T; p++) {
      const real = p < x.length - 1;
      out.ids.push(real ? x[p]! : padId);
      out.mask.push(real ? 1 : 0);
      const label = real && p >= promptLength - 1 ? x[p + 1]! : -100;
      if (label === -100) continue;
      out.rows.push(b * T + p);
      out.labels.push(label);
    }
    out.offsets.push(out.rows.length);
  });
  return out;
}

describe("makeSideBatch", () => {
  test("by hand", () => {
    const batch = makeSideBatch(
      [encodeRow(letters, row("ab", "cd"), "plain", 9, 9), encodeRow(letters, row("x", "y"), "plain", 9, 9)],
      0,
    );
    const [a, b, c, d, x, y] = Array.from("abcdxy", (char) => char.codePointAt(0)!);
    expect(batch.T).toBe(4);
    expect([...batch.ids]).toEqual([a, b, c, d, x, y, 0, 0]); // the last input is the last response token, not eos
    expect([...batch.rows]).toEqual([1, 2, 3, 4, 5]); // from the last prompt token on
    expect([...batch.labels]).toEqual([c, d, 1, y, 1]);
    expect([...batch.rowOffsets]).toEqual([0, 3, 5]);
    expect([...batch.lengths]).toEqual([4, 2]);
  });

  test("300 random batches match the oracle", () => {
    const rng = createRng(11);
    const word = (n: number) =>
      Array.from({ length: n }, () => String.fromCodePoint(97 + rng.int(26))).join("");
    for (let n = 0; n < 300; n++) {
      const [maxPrompt, extra] = [1 + rng.int(6), 1 + rng.int(8)];
      const seqs = Array.from({ length: 1 + rng.int(5) }, () =>
        encodeRow(
          letters,
          row(word(1 + rng.int(9)), word(rng.int(9))),
          "plain",
          maxPrompt + extra,
          maxPrompt,
        ),
      );
      const longest = Math.max(...seqs.map(({ ids }) => ids.length - 1));
      const T = rng.int(2) ? longest : longest + rng.int(5);
      const batch = makeSideBatch(seqs, 99, T);
      const expected = oracle(seqs, 99, T);
      expect([batch.B, batch.T]).toEqual([seqs.length, T]);
      expect([...batch.ids]).toEqual(expected.ids);
      expect([...batch.mask]).toEqual(expected.mask);
      expect([...batch.rows]).toEqual(expected.rows);
      expect([...batch.labels]).toEqual(expected.labels);
      expect([...batch.rowOffsets]).toEqual(expected.offsets);
      expect([...batch.lengths]).toEqual(seqs.map(({ ids }) => ids.length - 1));
    }
  });

  test("refuses", () => {
    const seq = encodeRow(letters, row("ab", "cd"), "plain", 9, 9);
    expect(() => makeSideBatch([], 0)).toThrow("at least one sequence");
    expect(() => makeSideBatch([seq], 0, 3)).toThrow("3 wide, but a sequence has 4 inputs");
    expect(() => makeSideBatch([{ ...seq, promptLength: 0 }], 0)).toThrow(
      "needs a prompt and a response, got 0 + 5",
    );
    expect(() => makeSideBatch([{ ...seq, promptLength: 5 }], 0)).toThrow("got 5 + 0");
  });

  test("buckets", () => {
    expect([0, 1, 16, 17, 100].map((n) => bucketLength(n))).toEqual([16, 16, 16, 32, 112]);
    expect(bucketLength(5, 1)).toBe(5);
    expect(() => bucketLength(5, 0)).toThrow("multiples of a number from 1");
  });
});

describe("prepareDataset", () => {
  const limits = { student: { maxLength: 12, maxPrompt: 8 }, teacher: { maxLength: 8, maxPrompt: 8 } };
  const rows = [
    row("abc", "de", { id: "fits" }),
    row("abcdefghijklmnop", "q", { id: "teacher full" }), // 8 pairs: the teacher's prompt fills its context
    row("abcdefghij", "k", { id: "student cut" }),
  ];

  test("keeps what fits, says why the rest does not", () => {
    const { usable, dropped, truncated } = prepareDataset(rows, "plain", letters, pairs, limits);
    expect(usable.map(({ index, row: { id } }) => [index, id])).toEqual([
      [0, "fits"],
      [2, "student cut"],
    ]);
    expect(dropped).toEqual([{ row: rows[1], reason: expect.stringContaining("takes 8 of 8 tokens") }]);
    expect(truncated).toBe(1);
    const batch = makePairBatch(usable, { student: 0, teacher: 9 }, { bucket: 4 });
    expect(batch.rowIndices).toEqual([0, 2]);
    expect([batch.student.T, batch.teacher.T]).toEqual([12, 8]);
    expect([...batch.teacher.lengths]).toEqual([3, 6]);
    expect(batch.teacher.ids.at(-1)).toBe(9);
    expect(Array.from(batch.student.labels).filter((id) => id === letters.eosId)).toHaveLength(2);
  });

  test("none left", () => {
    expect(() => prepareDataset(rows, "cot", letters, pairs, limits)).toThrow(
      "none of 3 rows can be used; the first: row fits has no chain",
    );
    expect(() => prepareDataset([], "cot", letters, pairs, limits)).toThrow(DataError);
    const broken = {
      ...letters,
      encode: () => {
        throw new TypeError("bug");
      },
    };
    expect(() => prepareDataset(rows, "plain", broken, pairs, limits)).toThrow(TypeError); // a defect is not a bad row
  });
});

describe("two views of a row", () => {
  const limits = { student: { maxLength: 12, maxPrompt: 8 }, teacher: { maxLength: 12, maxPrompt: 8 } };
  const rows = [
    row("ab", "c", { id: "both", promptCot: "abx", outputCot: "xyc" }),
    row("de", "fgh", { id: "plain only" }),
  ];

  test("a chain of thought has its plain view beside it; a row without one stands alone", () => {
    const { usable, dropped } = prepareDataset(rows, "cot", letters, pairs, limits, { pairs: true });
    expect(dropped).toEqual([]);
    expect(usable.map(({ student, plain }) => [student.ids.length, plain?.student.ids.length])).toEqual([
      [7, 4],
      [6, undefined],
    ]);
    const batch = makePairBatch(usable, { student: 0, teacher: 9 }, { bucket: 4, plain: true });
    expect([...batch.student.rowOffsets]).toEqual([0, 4, 8]);
    expect([...batch.plain!.student.rowOffsets]).toEqual([0, 2, 2]); // the second has no rows there
    expect([...batch.plain!.student.mask.subarray(batch.plain!.student.T)].every((m) => m === 0)).toBe(true);
    expect(makePairBatch(usable, { student: 0, teacher: 9 }).plain).toBeUndefined();
  });

  test("as published, a row gives its plain view as a record of its own too", () => {
    const options = { pairs: true, plainToo: true };
    const { usable } = prepareDataset(rows, "cot", letters, pairs, limits, options);
    expect(
      usable.map(({ index, student, plain }) => [index, student.ids.length, plain !== undefined]),
    ).toEqual([
      [0, 4, false],
      [0, 7, true],
      [1, 6, false],
    ]);
  });
});

describe("sampler", () => {
  const take = (sampler: ReturnType<typeof createSampler>, batches: number) =>
    Array.from({ length: batches }, () => sampler.next());

  test("the same seed gives the same stream, another seed another", () => {
    expect(take(createSampler(50, 8, 3), 20)).toEqual(take(createSampler(50, 8, 3), 20));
    expect(take(createSampler(50, 8, 3), 20)).not.toEqual(take(createSampler(50, 8, 4), 20));
  });

  test.each([
    [7, 3],
    [10, 5],
    [1, 1],
    [3, 8],
  ])("%i rows in batches of %i: every row once per epoch", (rowCount, size) => {
    const stream = take(createSampler(rowCount, size, 1), rowCount * 4).flat();
    const all = Array.from({ length: rowCount }, (_, i) => i);
    for (let epoch = 0; epoch < size * 4; epoch++) {
      const seen = stream.slice(epoch * rowCount, (epoch + 1) * rowCount);
      expect(seen.toSorted((a, b) => a - b)).toEqual(all);
    }
  });

  test("epochs are shuffled differently, and each is a fair shuffle", () => {
    const sampler = createSampler(20, 20, 5);
    const [first, second] = take(sampler, 2);
    expect(first).not.toEqual(second);
    expect(first).not.toEqual(Array.from({ length: 20 }, (_, i) => i));
    const firsts = Array.from({ length: 4000 }, (_, seed) => createSampler(4, 1, seed).next()[0]!);
    for (let i = 0; i < 4; i++)
      expect(Math.abs(firsts.filter((v) => v === i).length - 1000)).toBeLessThan(140); // 5 sigma
  });

  test("restores in mid-epoch, also into another sampler", () => {
    const sampler = createSampler(11, 4, 9);
    take(sampler, 4);
    const saved: unknown = JSON.parse(JSON.stringify(sampler.state()));
    const rest = take(sampler, 10);
    const other = createSampler(11, 4, 123);
    other.restore(saved as ReturnType<typeof sampler.state>); // JSON of that very type
    expect(take(other, 10)).toEqual(rest);
    expect(() => createSampler(3, 1, 9).restore({ seed: 9, epoch: 0, position: 5 })).toThrow("was at row 5");
    expect(() => createSampler(0, 1, 9)).toThrow("from 1, got 0 and 1");
  });
});
