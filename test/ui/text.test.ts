// words and numbers — plan
//   word difference: parts join to the texts again (any text), equal texts have none, changes are counted
//   numbers: three digits, tiny ones as powers, NaN in words; times; bytes
//   flows: heaviest first, shares of their rows; relative epsilon
//   remedies: one for each reason and browser, and the right one
import fc from "fast-check";
import { expect, test } from "vitest";
import { flowAt, relativeEpsilon, topFlows } from "../../src/figure";
import { diffWords, planOfRecord, type NoGpuReason } from "../../src/store";
import { compact, duration, significant } from "../../src/views/format";
import { remedyFor, visitorOf, type Browser } from "../../src/views/shell/remedy";
import { planRecord } from "./events";

test("the parts of a difference are the two texts", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (before, now) => {
      const diff = diffWords(before, now);
      expect(diff.before.map((part) => part.text).join("")).toBe(before);
      expect(diff.now.map((part) => part.text).join("")).toBe(now);
      expect(diffWords(now, now).changed).toBe(0);
    }),
  );
});

test("changed words are marked and counted", () => {
  const diff = diffWords("18 - 5 = 12. So 12", "18 - 5 = 13. So 13");
  expect(diff.now.filter((part) => part.changed).map((part) => part.text)).toEqual(["13", "13"]);
  expect(diff.changed).toBe(2);
  expect(diffWords("", "a b").changed).toBe(2);
});

test("numbers", () => {
  expect([0, 0.1234, 1.5, 12.34, 1234.5, 1e-3, 0.00012, -2e-5].map(significant)).toEqual([
    "0",
    "0.123",
    "1.50",
    "12.3",
    "1,235",
    "0.00100",
    "1.2e−4",
    "−2e−5",
  ]);
  expect(significant(Number.NaN)).toBe("not a number");
  expect([0.5, 1, 0.0005, 1e-9].map(compact)).toEqual(["0.5", "1", "0.0005", "1e−9"]);
  expect([3, 75, 3700].map(duration)).toEqual(["3 s", "1 min 15 s", "1 h 1 min"]);
});

test("flows", () => {
  const plan = planOfRecord(planRecord(0));
  const flows = topFlows(plan, 3);
  expect(flows.map(({ row, col }) => [row, col])).toEqual([
    [1, 2],
    [0, 0],
    [0, 1],
  ]);
  expect(flowAt(plan, 0, 0).rowShare).toBeCloseTo(0.6);
  expect(relativeEpsilon(plan)).toBeCloseTo(0.1);
});

const REASONS: NoGpuReason[] = ["insecure-context", "no-webgpu", "no-adapter", "no-device"];
const BROWSERS: Browser[] = ["chromium", "firefox", "safari", "other"];
test.each(REASONS)("%s has a remedy in every browser", (reason) => {
  for (const browser of BROWSERS)
    expect(remedyFor(reason, { browser, system: "linux" }).length).toBeGreaterThan(30);
});

test("visitors are told apart", () => {
  const chrome =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
  const safari =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15";
  const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
  expect(visitorOf(chrome)).toEqual({ browser: "chromium", system: "linux" });
  expect(visitorOf(safari)).toEqual({ browser: "safari", system: "mac" });
  expect(visitorOf(firefox)).toEqual({ browser: "firefox", system: "windows" });
  expect(remedyFor("no-adapter", visitorOf(chrome))).toMatch(/--enable-unsafe-webgpu/);
});
