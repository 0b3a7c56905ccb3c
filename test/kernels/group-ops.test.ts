// Ops of methods over groups — plan
//   rowColumns   value, and the gradient by finite differences added to what another use left; one column, all columns in another
//                order, more columns listed than taken
import { expect, test } from "vitest";
import { rowColumns } from "../../src/objectives/ops/row-columns";
import { normals } from "../oracle/nn";
import { checkOp } from "../support/op";

test.each([
  [1, 1, 1],
  [7, 3, 5],
  [131, 70, 131],
])("columns of each row: %i wide, %i taken of %i", async (vocab, taken, listed) => {
  const R = 3;
  const cols = Uint32Array.from(
    { length: R * listed },
    (_, i) => ((i % listed) * 5 + Math.floor(i / listed)) % vocab,
  );
  await checkOp({
    leaves: { x: { data: normals(vocab, R * vocab, 3), shape: [R, vocab] } },
    tables: { cols },
    record: (tape, leaves, table) => rowColumns(tape, leaves.x!, table("cols"), taken),
    oracle: ({ x }) =>
      Array.from({ length: R * taken }, (_, i) => {
        const [r, k] = [Math.floor(i / taken), i % taken];
        return x![r * vocab + cols[r * listed + k]!]!;
      }),
  });
  expect.hasAssertions();
});
