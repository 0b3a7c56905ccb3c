// Series — plan
//   grows past its capacity without losing values; a missing value is NaN; unknown column is named; clear forgets
import { expect, test } from "vitest";
import { createSeries } from "../../../src/telemetry";

test("a series grows, keeps every value, and clears", () => {
  const series = createSeries(["step", "loss"], 2);
  for (let step = 1; step <= 100; step++) series.push(step === 50 ? { step } : { step, loss: 1 / step });
  expect(series.length).toBe(100);
  expect(series.column("step")[99]).toBe(100);
  expect(series.column("loss")[98]).toBe(1 / 99);
  expect(series.column("loss")[49]).toBeNaN();
  expect(() => series.column("nope")).toThrow(/no column "nope", only step, loss/);
  series.clear();
  expect(series.column("step")).toHaveLength(0);
});
