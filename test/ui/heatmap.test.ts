// heat map geometry and scales — plan
//   sizes 1×1 … 200×200, wide and tall, in 300–900 px: fits its width, at least half a pixel a cell, and
//   cellAt finds the centre of every cell and nothing in the margins
//   labels never stand closer than they are tall; crowded axes skip
//   keys walk and stop at the edges
//   colour scales: 0 → 0, largest → 1, rising, and scaleMass undoes scalePosition
import { describe, expect, test } from "vitest";
import { scaleMass, scalePosition } from "../../src/views/plan/color-scale";
import { cellAt, layoutHeatmap, moveCell, shorten } from "../../src/views/plan/heatmap-layout";

const SIZES = [
  [1, 1],
  [1, 40],
  [35, 25],
  [60, 3],
  [200, 200],
] as const;
const layoutOf = (rows: number, cols: number, width: number) =>
  layoutHeatmap({ rows, cols, width, maxHeight: 500, rowChars: 12, colChars: 12 });

describe.each(SIZES)("%i×%i", (rows, cols) => {
  test.each([300, 366, 560, 900])("fits %i px and finds every cell", (width) => {
    const layout = layoutOf(rows, cols, width);
    expect(layout.width).toBeLessThanOrEqual(width);
    expect(layout.height).toBeLessThanOrEqual(520);
    for (let row = 0; row < rows; row++)
      for (let col = 0; col < cols; col++) {
        const x = layout.left + (col + 0.5) * layout.cellWidth;
        const y = layout.top + (row + 0.5) * layout.cellHeight;
        expect(cellAt(layout, x, y)).toEqual({ row, col });
      }
    expect(cellAt(layout, layout.left - 1, layout.top + 1)).toBeUndefined();
    expect(cellAt(layout, layout.width + 1, layout.top + 1)).toBeUndefined();
  });

  test("labels keep their distance", () => {
    const layout = layoutOf(rows, cols, 560);
    expect(layout.rowStride * layout.cellHeight).toBeGreaterThanOrEqual(10);
    expect(layout.colStride * layout.cellWidth).toBeGreaterThanOrEqual(10);
  });
});

test("keys walk and stop at the edges", () => {
  const layout = layoutOf(3, 4, 400);
  const from = { row: 1, col: 1 };
  expect(moveCell(layout, from, "ArrowUp")).toEqual({ row: 0, col: 1 });
  expect(moveCell(layout, { row: 0, col: 1 }, "ArrowUp")).toEqual({ row: 0, col: 1 });
  expect(moveCell(layout, from, "End")).toEqual({ row: 1, col: 3 });
  expect(moveCell(layout, from, "PageDown")).toEqual({ row: 2, col: 1 });
  expect(moveCell(layout, from, "x")).toBeUndefined();
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
