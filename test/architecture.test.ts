// The map of src/, checked. A folder may import itself and the folders its row names.
// docs/ARCHITECTURE.md draws the same table; this test is the one that counts.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const MAY_IMPORT: Record<string, string[]> = {
  config: [],
  telemetry: [],
  gpu: [],
  models: ["config"],
  data: ["config", "models"],
  student: ["config", "gpu", "models"],
  ot: ["config", "gpu"],
  objectives: ["config", "data", "gpu", "ot", "student", "telemetry"],
  trainer: ["config", "data", "gpu", "models", "objectives", "ot", "student", "telemetry"],
  worker: ["config", "data", "gpu", "models", "ot", "telemetry", "trainer"],
  client: ["config", "telemetry", "worker/protocol"],
  store: ["client", "config", "telemetry"],
  views: ["config", "store", "telemetry"],
  // The headless door: everything but the page.
  cli: ["config", "data", "gpu", "models", "objectives", "ot", "student", "telemetry", "trainer"],
};
const MAX_LINES = 400;
const MAX_WGSL_LINES = 170;

const top = resolve(import.meta.dirname, "..");
const root = join(top, "src");
const list = (dir: string, pattern: RegExp) =>
  readdirSync(join(top, dir), { recursive: true, encoding: "utf8" }).filter((f) => pattern.test(f));

describe("imports", () => {
  test.each(list("src", /\.tsx?$/))("src/%s", (file) => {
    const [folder = ""] = file.split("/");
    const text = readFileSync(join(root, file), "utf8");
    expect(text.split("\n").length, "lines").toBeLessThanOrEqual(MAX_LINES);
    if (!file.includes("/")) return; // main.tsx wires everything together
    expect(MAY_IMPORT, "every folder is on the map").toHaveProperty(folder);
    for (const [, spec = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const target = relative(root, resolve(root, dirname(file), spec));
      if (target.startsWith("..")) continue; // shaders/ and public/
      const ok = [folder, ...MAY_IMPORT[folder]!].some(
        (dir) => target === dir || target.startsWith(`${dir}/`),
      );
      expect(ok, `${file} → ${target}`).toBe(true);
    }
  });
});

describe("shaders", () => {
  test.each(list("shaders", /\.wgsl$/))("shaders/%s has a header and keeps its budget", (file) => {
    const text = readFileSync(join(top, "shaders", file), "utf8");
    expect(text.split("\n").length, "lines").toBeLessThanOrEqual(MAX_WGSL_LINES);
    expect(text.startsWith(`// ${file}`), `first line names the file: // ${file}`).toBe(true);
  });
});

test("every row of docs/EQUATIONS.md names files that exist", () => {
  const table = readFileSync(join(top, "docs/EQUATIONS.md"), "utf8");
  const paths = [...table.matchAll(/`((?:src|shaders|test|bench)\/[^`*]+)`/g)].map(([, path = ""]) => path);
  expect(paths.length).toBeGreaterThan(0);
  for (const path of paths) expect(existsSync(join(top, path)), path).toBe(true);
});

test("no registry host, no machine path in tracked text", () => {
  const lock = readFileSync(join(top, "package-lock.json"), "utf8");
  expect(lock).not.toMatch(/"resolved"/);
});
