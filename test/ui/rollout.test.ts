// The rollout figure's stretches — plan
//   segments   groups and what stands between them, in order, covering all tokens of both sides once; byte of each
import { expect, test } from "vitest";
import type { WrittenAnswer } from "../../src/telemetry";
import { segmentsOf } from "../../src/views/rollout/segments";

const tokens = (bytes: readonly number[]) =>
  bytes.map((n, i) => ({ text: String(i), bytes: n, end: n === 0, logProb: -1 }));
const answer = (student: number[], teacher: number[], groups: WrittenAnswer["groups"]): WrittenAnswer => ({
  ...{ student: tokens(student), teacher: tokens(teacher), groups, ended: true },
});

test("groups, and what stands between them", () => {
  const found = segmentsOf(
    answer(
      [2, 1, 3, 1, 0],
      [3, 2, 2, 0],
      [
        [0, 2, 0, 1],
        [3, 4, 2, 3],
        [4, 5, 3, 4],
      ],
    ),
  );
  expect(found).toEqual([
    { student: [0, 2], teacher: [0, 1], group: 0, at: 0 },
    { student: [2, 3], teacher: [1, 2], group: undefined, at: 3 },
    { student: [3, 4], teacher: [2, 3], group: 1, at: 6 },
    { student: [4, 5], teacher: [3, 4], group: 2, at: 7 },
  ]);
  expect(segmentsOf(answer([1, 1], [], []))).toEqual([
    { student: [0, 2], teacher: [0, 0], group: undefined, at: 0 },
  ]);
  expect(segmentsOf(answer([], [], []))).toEqual([]);
  expect(segmentsOf(answer([1, 1], [1, 1], [[0, 1, 0, 1]])).at(-1)).toEqual({
    ...{ student: [1, 2], teacher: [1, 2], group: undefined, at: 1 },
  });
});
