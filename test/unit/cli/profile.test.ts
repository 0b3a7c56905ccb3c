// couplet profile — plan
//   a table        of the bundled pair's step: its kernels with shares that add up to 100 %
//   bad input      exit 2 and a message: no file, a file that is not there
//   no timestamps  exit 2 and the reason, before any model is loaded
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import * as nodeGpu from "../../../src/cli/node-gpu";
import { SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

const dir = mkdtempSync(join(tmpdir(), "couplet-profile-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const file = join(dir, "config.json");
writeFileSync(file, JSON.stringify(SMALL_RUN));

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  const keep = (...parts: unknown[]): void => void lines.push(parts.join(" "));
  vi.restoreAllMocks();
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
});

test("a table of the bundled pair's step", async () => {
  expect(await main(["profile", file])).toBe(0);
  expect(lines.join("\n")).toMatch(/step 2: [\d.]+ ms in one submit/);
  const rows = lines.map((line) => line.split(/ {2,}/));
  const shares = rows.filter(
    ([name]) => name && /^[a-z_0-9]+$/.test(name) && name !== "kernel" && name !== "all",
  );
  const names = shares.map(([name]) => name);
  expect(names).toEqual(expect.arrayContaining(["adamw", "cross_entropy"]));
  expect(names.some((name) => name?.startsWith("matmul"))).toBe(true);
  const sum = shares.reduce((total, row) => total + Number(row[3]), 0);
  expect(Math.abs(sum - 100)).toBeLessThan(2); // rounded to 0.1 each
});

test("bad input", async () => {
  expect(await main(["profile"])).toBe(2);
  expect(lines.join()).toMatch(/Usage: couplet profile CONFIG.json/);
  expect(await main(["profile", join(dir, "none.json")])).toBe(2);
  expect(lines.join()).toMatch(/none\.json" cannot be read/);
});

test("no timestamps", async () => {
  const gpu = await testGpu();
  const bare = { ...gpu, device: { features: new Set() } as unknown as GPUDevice };
  vi.spyOn(nodeGpu, "openNodeGpu").mockResolvedValue(bare);
  expect(await main(["profile", file])).toBe(2);
  expect(lines.join()).toMatch(/no timestamp queries/);
});
