// recordSortRows — plan
//   order        equals a stable descending sort × vocabulary {1, 2, 63, 2047, 2048, 2049, 5003}, values of both signs,
//                with ties, zeros of both signs, huge and tiny ones; rows picked in any order; a skipped row is not written
//   keys         give the values back bit by bit
//   quantized    values that are further apart than a step are in order, a step or less keeps the order of columns, and
//                what lies 64 below the largest comes last; a permutation all the same (control: the exact sort differs)
//   largest      262144 columns, whose keys must be in order and a permutation
//   too large    one more is refused
import { describe, expect, test } from "vitest";
import { ProgramBuilder } from "../../src/gpu/program";
import { recordSoftmaxStats } from "../../src/objectives/ops/softmax-stats";
import { MAX_SORTED, QUANTUM, recordSortRows } from "../../src/objectives/ops/sort-rows";
import { NO_ROW } from "../../src/student";
import { normals } from "../oracle/nn";
import { descendingOrder } from "../oracle/sorted-l1";
import { testGpu } from "../support/gpu";

async function sort(
  values: Float32Array,
  vocab: number,
  rows: Uint32Array,
  withOrder = true,
  quantized = false,
) {
  const gpu = await testGpu();
  const b = new ProgramBuilder("sort");
  const input = b.input("values", values.length);
  const sources = { values: input, rows: values.length / vocab, stride: vocab, vocab };
  const sorted = recordSortRows(b, {
    values: input,
    tops: quantized ? recordSoftmaxStats(b, sources) : undefined,
    vocab,
    rows: b.input("rows", rows.length),
    withOrder,
  });
  b.output("keys", sorted.keys);
  if (sorted.order) b.output("order", sorted.order);
  const program = await b.build(gpu);
  const names = withOrder ? ["keys", "order"] : ["keys"];
  const got: Record<string, Float32Array> = await program.run({ values, rows }, { read: names });
  program.destroy();
  const u32 = (name: string) => new Uint32Array(got[name]?.buffer ?? new ArrayBuffer(0));
  return { keys: u32("keys"), order: u32("order") };
}

/** The value behind a descending key. */
function valueOf(key: number): number {
  const up = ~key >>> 0;
  const bits = up & 0x80000000 ? up & 0x7fffffff : ~up >>> 0;
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}

function awkward(seed: number, count: number): Float32Array {
  const values = normals(seed, count, 5);
  const special = [0, -0, 1, 1, -1, 3e38, -3e38, 1e-38, -1e-38, -1e5, -1e5];
  for (let i = 0; i < count; i += 3) values[i] = special[(i / 3) % special.length]!;
  return values;
}

describe.each([1, 2, 63, 2047, 2048, 2049, 5003])("%i columns", (vocab) => {
  test("order and keys", async () => {
    const values = awkward(vocab, 4 * vocab);
    const rows = Uint32Array.of(2, NO_ROW, 0, 3);
    const { keys, order } = await sort(values, vocab, rows);
    const { keys: without } = await sort(values, vocab, rows, false);
    rows.forEach((row, p) => {
      if (row === NO_ROW) return;
      const source = values.subarray(row * vocab, (row + 1) * vocab);
      const got = [...order.subarray(p * vocab, (p + 1) * vocab)];
      // −0 is below 0 here and equal to it in JavaScript: compare as the kernel orders them.
      const ranked = Float64Array.from(source, (x) => (Object.is(x, -0) ? -1e-300 : x));
      expect(got).toEqual(descendingOrder(ranked));
      const down = [...keys.subarray(p * vocab, (p + 1) * vocab)];
      expect(down.map(valueOf)).toEqual(got.map((v) => source[v]));
      expect([...without.subarray(p * vocab, (p + 1) * vocab)]).toEqual(down);
    });
  });
});

test.each([7, 2049])("quantized, %i columns", async (vocab) => {
  const values = normals(vocab, 2 * vocab, 5);
  for (let v = 0; v < vocab; v += 3) values[v] = values[(v + 1) % vocab]! + (v % 2 ? 1e-6 : -1e-6); // within a step
  values[1] = -1e5;
  values[vocab + 2] = -1e30;
  const rows = Uint32Array.of(1, 0);
  const { keys, order } = await sort(values, vocab, rows, true, true);
  const exact = await sort(values, vocab, rows);
  if (vocab > 1000) expect([...order]).not.toEqual([...exact.order]);
  rows.forEach((row, p) => {
    const source = values.subarray(row * vocab, (row + 1) * vocab);
    const top = Math.max(...source);
    const place = (v: number) => Math.min(Math.floor(Math.fround(top - source[v]!) / QUANTUM), 2 ** 24 - 1);
    const got = [...order.subarray(p * vocab, (p + 1) * vocab)];
    const want = Array.from(source, (_, v) => v).sort((a, b) => place(a) - place(b) || a - b);
    expect(got).toEqual(want);
    expect([...keys.subarray(p * vocab, (p + 1) * vocab)].map(valueOf)).toEqual(got.map((v) => source[v]));
  });
});

test("262144 columns", async () => {
  const values = normals(1, MAX_SORTED, 3);
  const { keys, order } = await sort(values, MAX_SORTED, Uint32Array.of(0));
  let ascending = true;
  for (let i = 1; i < keys.length; i++) ascending &&= keys[i - 1]! <= keys[i]!;
  expect(ascending).toBe(true);
  expect(new Set(order).size).toBe(MAX_SORTED);
  expect(valueOf(keys[0]!)).toBe(values[order[0]!]);
  expect(valueOf(keys[99_999]!)).toBe(values[order[99_999]!]);
});

test("a row beyond the largest tested vocabulary is refused", () => {
  const b = new ProgramBuilder("sort");
  const args = { values: b.input("v", 10), vocab: MAX_SORTED + 1, rows: b.input("r", 1), withOrder: true };
  expect(() => recordSortRows(b, args)).toThrow(/at most 262144 entries, got 262145/);
});
