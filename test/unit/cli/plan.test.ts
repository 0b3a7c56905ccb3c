// couplet plan — plan
//   a config       a line for each class, a total that is their sum, a verdict, what would take less; --json the same
//   too large      exit 3 and the reason
//   bad input      exit 2
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import type { MemoryPlan } from "../../../src/telemetry";
import { SMALL_RUN } from "../../support/bundled";

const dir = mkdtempSync(join(tmpdir(), "couplet-plan-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let printed: string[] = [];
beforeEach(() => {
  printed = [];
  const keep = (...parts: unknown[]) => void printed.push(parts.join(" "));
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
});

function config(change: object): string {
  const file = join(dir, "config.json");
  writeFileSync(file, JSON.stringify({ ...SMALL_RUN, ...change }));
  return file;
}

test("a table and the same as JSON", async () => {
  expect(await main(["plan", config({}), "--json"])).toBe(0);
  const plan = JSON.parse(printed.join("\n")) as MemoryPlan;
  expect(Object.values(plan.bytes).reduce((a, b) => a + b, 0)).toBe(plan.total);
  printed = [];
  expect(await main(["plan", config({})])).toBe(0);
  const text = printed.join("\n");
  for (const name of ["weights", "gradients", "moments", "activations", "inputs", "workspace", "total"])
    expect(text).toMatch(new RegExp(`^${name} +\\d+\\.\\d MiB$`, "m"));
  expect(text).toContain("It fits.");
  expect(text).toMatch(/MiB +fits +gradientCheckpointing true$/m);
});

test("what is too large", async () => {
  expect(await main(["plan", config({ memoryBudgetMiB: 2 })])).toBe(3);
  expect(printed.join("\n")).toMatch(/does not fit: the run takes .* memoryBudgetMiB allows 2 MiB/);
});

test("bad input", async () => {
  expect(await main(["plan"])).toBe(2);
  expect(printed.join("\n")).toMatch(/Usage: couplet plan/);
});
