// a plan's figure — plan
//   sizes 1×1 … 200×200, wide and tall, in 300–900 px: fits its room, and the centre of every cell is that cell; nothing is
//   found in the margins, and a token at its label
//   keys walk and stop at the edges
//   colour scales: 0 → 0, largest → 1, rising, and scaleMass undoes scalePosition
//   ribbons tile their tokens; what is too thin is gathered
//   facts: sums, moved shares, sharpness from a·bᵀ to one partner each
import { describe, expect, test } from "vitest";
import {
  cellBox,
  matrixFrame,
  matrixUnder,
  moveCell,
  NOTHING,
  planFacts,
  restBox,
  ribbonFrame,
  ribbonsOf,
  ribbonsUnder,
  scaleMass,
  scalePosition,
  shorten,
  tokenBox,
  tokensFromTexts,
  WHOLE,
  type Plan,
} from "../../src/figure";

const SIZES = [
  [1, 1],
  [1, 40],
  [35, 25],
  [60, 3],
  [200, 200],
] as const;

/** A plan of so many tokens; uniform unless said. */
function planOf(n: number, m: number, mass = new Float32Array(n * m).fill(1 / (n * m))): Plan {
  const texts = (count: number) => Array.from({ length: count }, (_, i) => `token␣number␣${i}`);
  const even = (count: number) => new Float64Array(count).fill(1 / count);
  return {
    ...{ student: tokensFromTexts(texts(n)), teacher: tokensFromTexts(texts(m)), mass },
    ...{ cost: new Float32Array(n * m).fill(1), epsilon: 0.1, relaxed: false },
    weights: { student: even(n), teacher: even(m) },
    report: { transportCost: 1, entropy: 0, marginalError: 0, sweeps: 1, converged: true },
  };
}

describe.each(SIZES)("%i×%i", (rows, cols) => {
  test.each([300, 366, 560, 900])("fits %i px and finds every cell", (width) => {
    const frame = matrixFrame(planOf(rows, cols), { width, maxHeight: 500 });
    expect(frame.width).toBeLessThanOrEqual(width + 1);
    expect(frame.height).toBeLessThanOrEqual(520);
    const missed: string[] = [];
    for (let row = 0; row < rows; row++)
      for (let col = 0; col < cols; col++) {
        const { x, y, width: w, height: h } = cellBox(frame, WHOLE, row, col);
        const { student, teacher } = matrixUnder(frame, WHOLE, x + w / 2, y + h / 2);
        if (student !== row || teacher !== col) missed.push(`${row} ${col}`);
      }
    expect(missed).toEqual([]);
    expect(matrixUnder(frame, WHOLE, frame.left - 1, frame.top - 1)).toEqual(NOTHING);
    expect(matrixUnder(frame, WHOLE, frame.width + 1, frame.top + 1)).toEqual(NOTHING);
    expect(matrixUnder(frame, WHOLE, frame.left - 4, frame.top + 0.1)).toEqual({
      student: 0,
      teacher: undefined,
    });
  });
});

test("keys walk and stop at the edges", () => {
  const from = { student: 1, teacher: 1 };
  expect(moveCell(3, 4, from, "ArrowUp")).toEqual({ row: 0, col: 1 });
  expect(moveCell(3, 4, { student: 0, teacher: 1 }, "ArrowUp")).toEqual({ row: 0, col: 1 });
  expect(moveCell(3, 4, from, "End")).toEqual({ row: 1, col: 3 });
  expect(moveCell(3, 4, from, "PageDown")).toEqual({ row: 2, col: 1 });
  expect(moveCell(3, 4, NOTHING, "ArrowRight")).toEqual({ row: 0, col: 0 });
  expect(moveCell(3, 4, from, "x")).toBeUndefined();
});

test("bytes of tokens follow from their printed form", () => {
  const { start, end } = tokensFromTexts(["␣caf", "é", "⟨F0⟩⟨9F⟩", "↵", ""]);
  expect([...Array.from(start)]).toEqual([0, 4, 6, 8, 9]);
  expect([...Array.from(end)]).toEqual([4, 6, 8, 9, 10]);
});

describe("facts", () => {
  test("sharpness runs from a·bᵀ to one partner each", () => {
    expect(planFacts(planOf(2, 2)).sharpness).toBeCloseTo(0);
    expect(planFacts(planOf(2, 2, Float32Array.of(0.5, 0, 0, 0.5))).sharpness).toBeCloseTo(1);
    expect(planFacts(planOf(2, 2, Float32Array.of(0.25, 0, 0, 0.25))).sharpness).toBeCloseTo(1); // of half the mass
    expect(planFacts(planOf(2, 2, new Float32Array(4))).sharpness).toBe(0);
  });
  test("sums and moved shares", () => {
    const { sums, moved, mass, largest } = planFacts(planOf(2, 2, Float32Array.of(0.5, 0, 0.125, 0.125)));
    expect([...sums.student, ...sums.teacher]).toEqual([0.5, 0.25, 0.625, 0.125]);
    expect([...moved.student, ...moved.teacher]).toEqual([1, 0.5, 1.25, 0.25]);
    expect([mass, largest]).toEqual([0.75, 0.5]);
  });
});

describe("ribbons", () => {
  test("tile their tokens; what is too thin is one band, and nothing is lost", () => {
    const [n, m] = [40, 30];
    const thin = Float32Array.from({ length: n * m }, (_, at) => {
      const [i, j] = [Math.floor(at / m), at % m];
      return (i % m === j ? 0.9 : 0.1 / (m - 1)) / n;
    });
    const plan = planOf(n, m, thin);
    const frame = ribbonFrame(plan, { width: 900, maxHeight: 400 }, 0);
    const laid = ribbonsOf(plan, frame);
    const drawn = laid.ribbons.reduce((sum, { mass }) => sum + mass, 0);
    expect(laid.ribbons).toHaveLength(n);
    expect(laid.rest.flows).toBe(n * m - n);
    expect(drawn + laid.rest.share).toBeCloseTo(1, 6);
    expect(laid.rest.share).toBeCloseTo(0.1, 5);
    const box = restBox(frame, laid)!;
    expect(box.x + box.width).toBeLessThanOrEqual(900);
    for (const { row, student } of laid.ribbons) {
      const token = tokenBox(frame, "student", plan.student, row);
      expect(student[0]).toBeGreaterThanOrEqual(token.x - 1e-6);
      expect(student[1]).toBeLessThanOrEqual(token.x + token.width + 1e-6);
      expect(student[1] - student[0]).toBeCloseTo(0.9 * token.width, 3);
    }
    expect(ribbonsUnder(plan, frame, laid, 20, frame.teacherY + 1)).toEqual({
      student: undefined,
      teacher: 0,
    });
  });
  test("a plan without thin flows has no band", () => {
    const plan = planOf(3, 3);
    expect(ribbonsOf(plan, ribbonFrame(plan, { width: 900, maxHeight: 400 }, 0)).rest.share).toBe(0);
  });
});

test("long labels end in an ellipsis, whole code points only", () => {
  expect(shorten("Therefore", 9)).toBe("Therefore");
  expect(shorten("Therefore", 5)).toBe("Ther…");
  expect(shorten("🙂🙂🙂", 2)).toBe("🙂…");
});

describe.each(["sqrt", "linear", "log"] as const)("%s scale", (scale) => {
  test("from 0 to 1, rising", () => {
    expect(scalePosition(scale, 0, 0.5)).toBe(0);
    expect(scalePosition(scale, 0.5, 0.5)).toBe(1);
    let last = 0;
    for (let mass = 0.001; mass <= 0.5; mass += 0.001) {
      const now = scalePosition(scale, mass, 0.5);
      expect(now).toBeGreaterThan(last);
      last = now;
    }
  });
  test.each([0.25, 0.5, 0.75, 1])("scaleMass undoes scalePosition at %d", (position) => {
    expect(scalePosition(scale, scaleMass(scale, position, 0.3), 0.3)).toBeCloseTo(position);
  });
  test("an empty plan has no colour", () => expect(scalePosition(scale, 0, 0)).toBe(0));
});
