// gather_rows, scatter_rows, sort_tokens, embedding_backward — plan
//   gather      rows by index, NO_ROW gives zeros × width {1, 7, 130}
//   scatter     the adjoint: adds into what is there, skips NO_ROW, touches no other row
//   sort        a stable order by token × count {1, 63, 65, 131}; NO_ROW last; all tokens equal
//   embedding   gradient equals the sum over positions of each token; rows without a token keep their values
//   ranges      a table in ranges of its rows gathers and sums as one does, bit for bit × ranges with borders at odd rows,
//               one that no token is in, a last one of one row; each range's dispatch touches no row of another
import { describe, expect, test } from "vitest";
import { packParams, u32 } from "../../src/gpu/params";
import {
  embeddingBackwardKernel,
  gatherRowsKernel,
  scatterRowsKernel,
  sortTokensKernel,
} from "../../src/student/ops/rows";
import { gatherRows, NO_ROW, normals, scatterRows } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

const EXACT = { rtol: 0, atol: 0 };
const widths = [1, 7, 130];

test.each(widths)("gather and scatter, width %i", async (width) => {
  const rows = Uint32Array.of(4, NO_ROW, 0, 8, 2, NO_ROW);
  const x = normals(1, 9 * width);
  const params = packParams(u32(width));
  const all = packParams(u32(width), u32(0), u32(9));
  const { out } = await runKernel(gatherRowsKernel, {
    inputs: { params: all, rows, x: guarded(x) },
    outputs: { out: rows.length * width + GUARD },
    grid: [rows.length],
  });
  expectGuarded(out, gatherRows(x, rows, width), EXACT, "gather");

  const [dy, before] = [normals(2, rows.length * width), normals(3, 9 * width)];
  const { dx } = await runKernel(scatterRowsKernel, {
    inputs: { params, rows, dy: guarded(dy) },
    outputs: {},
    inout: { dx: guarded(before) },
    grid: [rows.length],
  });
  const want = scatterRows(dy, rows, width, 9).map((value, i) => Math.fround(value + before[i]!));
  expectGuarded(dx, want, EXACT, "scatter");
});

async function sort(ids: Uint32Array) {
  const result = await runKernel(sortTokensKernel, {
    inputs: { params: packParams(u32(ids.length)), ids: Uint32Array.from([...ids, 0, 0, 0]) },
    outputs: { order: ids.length, sorted: ids.length },
    grid: [Math.ceil(ids.length / 64)],
  });
  const [order, sorted] = [result.order!, result.sorted!].map((x) => new Uint32Array(x.buffer));
  return { order: order!, sorted: sorted! };
}

const tokens = (count: number, distinct: number) =>
  Uint32Array.from(normals(count, count), (x, i) =>
    i % 5 === 3 ? NO_ROW : Math.floor(Math.abs(x) * 1000) % distinct,
  );

describe("sort_tokens", () => {
  test.each([
    [1, 1],
    [63, 1],
    [65, 11],
    [131, 4000],
  ])("%i tokens of %i", async (count, distinct) => {
    const ids = tokens(count, distinct);
    const { order, sorted } = await sort(ids);
    const want = Array.from(ids.keys()).toSorted((a, b) => ids[a]! - ids[b]! || a - b);
    expect([...order]).toEqual(want);
    expect([...sorted]).toEqual(want.map((n) => ids[n]));
  });
});

test.each(widths)("embedding_backward, width %i", async (width) => {
  const [count, vocab] = [131, 17];
  const ids = tokens(count, vocab - 1); // the last token never occurs
  const { order, sorted } = await sort(ids);
  const [dy, before] = [normals(4, count * width), normals(5, vocab * width)];
  const { dtable } = await runKernel(embeddingBackwardKernel, {
    inputs: {
      params: packParams(u32(count), u32(width), u32(0), u32(vocab)),
      ...{ order, sorted, dy: guarded(dy) },
    },
    outputs: {},
    inout: { dtable: guarded(before) },
    grid: [count],
  });
  const want = scatterRows(dy, ids, width, vocab).map((value, i) => value + before[i]!);
  // About 7 positions a token, each near 1.
  expectGuarded(dtable, want, { rtol: 1e-6, atol: 3e-6 });
  const last = (vocab - 1) * width;
  expect([...dtable!.subarray(last, last + width)]).toEqual([...before.subarray(last)]);
});

/** Rows of each range: borders at odd rows, one that no token is in, a last one of one row. */
const RANGES = [[17], [9, 8], [5, 5, 7], [3, 1, 2, 3, 5, 2, 1]];

describe.each(RANGES.map((ranges) => ({ ranges })))("a table in ranges of $ranges rows", ({ ranges }) => {
  const [count, vocab, width] = [131, 17, 7];
  const ids = tokens(count, vocab).map((id) => (id === 3 || id === 16 ? 0 : id)); // 3 alone is the second of seven
  ids[70] = 16;
  const starts = ranges.map((_, i) => ranges.slice(0, i).reduce((a, b) => a + b, 0));

  test("gather", async () => {
    const x = normals(6, vocab * width);
    let out = new Float32Array(count * width + GUARD).fill(NaN);
    for (const [i, rows] of ranges.entries()) {
      const first = starts[i]!;
      const part = guarded(x.subarray(first * width, (first + rows) * width));
      const result = await runKernel(gatherRowsKernel, {
        inputs: { params: packParams(u32(width), u32(first), u32(rows)), rows: ids, x: part },
        outputs: {},
        inout: { out },
        grid: [count],
      });
      out = Float32Array.from(result.out!);
    }
    expectGuarded(out, gatherRows(x, ids, width), EXACT);
  });

  test("the gradient", async () => {
    const { order, sorted } = await sort(ids);
    const [dy, before] = [normals(4, count * width), normals(5, vocab * width)];
    const backward = async (first: number, rows: number) => {
      const { dtable } = await runKernel(embeddingBackwardKernel, {
        inputs: {
          params: packParams(u32(count), u32(width), u32(first), u32(rows)),
          ...{ order, sorted, dy: guarded(dy) },
        },
        outputs: {},
        inout: { dtable: guarded(before.subarray(first * width, (first + rows) * width)) },
        grid: [count],
      });
      return dtable!;
    };
    const want = scatterRows(dy, ids, width, vocab).map((value, i) => value + before[i]!);
    const whole = await backward(0, vocab);
    for (const [i, rows] of ranges.entries()) {
      const [from, to] = [starts[i]! * width, (starts[i]! + rows) * width];
      const part = await backward(starts[i]!, rows);
      expectGuarded(part, want.slice(from, to), { rtol: 1e-6, atol: 3e-6 });
      expect([...part.subarray(0, to - from)]).toEqual([...whole.subarray(from, to)]);
    }
  });
});
