// The map of src/, checked. A folder may import itself and the folders its row names.
// docs/ARCHITECTURE.md draws the same table; this test is the one that counts.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const MAY_IMPORT: Record<string, string[]> = {
  base: [],
  config: [],
  telemetry: [],
  figure: [],
  gpu: [],
  models: ["config"],
  data: ["config", "models"],
  student: ["config", "gpu", "models"],
  ot: ["config", "gpu"],
  // What others install from npm; each is an entry of its own, and no other folder's files are public.
  "parts/ot": ["config", "gpu", "ot"],
  "parts/spans": ["config", "data", "models"],
  "parts/figure": ["figure"],
  objectives: ["config", "data", "gpu", "ot", "student", "telemetry"],
  trainer: ["config", "data", "gpu", "models", "objectives", "ot", "student", "telemetry"],
  cluster: ["base", "config", "data", "models", "objectives", "telemetry", "trainer"],
  worker: ["cluster", "config", "data", "gpu", "models", "ot", "parts", "telemetry", "trainer"],
  client: ["config", "telemetry", "worker/protocol"],
  store: ["client", "config", "figure", "telemetry"],
  views: ["config", "figure", "parts/figure", "store", "telemetry"],
  // The command line: everything but the page.
  cli: [
    "cluster",
    "config",
    "data",
    "gpu",
    "models",
    "objectives",
    "ot",
    "parts/ot",
    "student",
    "telemetry",
    "trainer",
  ],
};
const MAX_LINES = 400;
const MAX_WGSL_LINES = 170;
/** Y = X·Wᵀ ("nt") alone of the products that matmul.wgsl has. */
const OTHER_ENTRIES: Record<string, string> = { matmul_subgroup: "matmul_nt" };

const top = resolve(import.meta.dirname, "..");
const root = join(top, "src");
const list = (dir: string, pattern: RegExp) =>
  readdirSync(join(top, dir), { recursive: true, encoding: "utf8" }).filter((f) => pattern.test(f));

describe("imports", () => {
  test.each(list("src", /\.tsx?$/))("src/%s", (file) => {
    const [first = "", part] = file.split("/");
    const folder = first === "parts" ? `parts/${part}` : first;
    const text = readFileSync(join(root, file), "utf8");
    expect(text.split("\n").length, "lines").toBeLessThanOrEqual(MAX_LINES);
    if (!file.includes("/")) return; // main.tsx wires everything together
    expect(Object.keys(MAY_IMPORT), "every folder is on the map").toContain(folder);
    for (const [, spec = ""] of text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)) {
      const target = relative(root, resolve(root, dirname(file), spec));
      if (target.startsWith("..")) continue; // shaders/ and public/
      const ok = [folder, "base", ...MAY_IMPORT[folder]!].some(
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
    const [, entry] = /@compute[^{]*?\bfn (\w+)/.exec(text) ?? [];
    const name = file.replace(/^.*\/|\.wgsl$/g, "");
    if (entry !== undefined)
      expect([name, OTHER_ENTRIES[name]], "an entry point bears the file's name").toContain(entry);
  });
});

describe("what texts cite exists", () => {
  const paths = (table: string) =>
    [...table.matchAll(/`((?:src|shaders|test|bench|reference)\/[^`*]+)`/g)].map(([, path = ""]) => path);
  const equations = readFileSync(join(top, "docs/EQUATIONS.md"), "utf8");

  test("every row of docs/EQUATIONS.md names files that exist", () => {
    expect(paths(equations).length).toBeGreaterThan(0);
    expect(paths(equations).filter((path) => !existsSync(join(top, path)))).toEqual([]);
  });

  test("every shader has a row in docs/EQUATIONS.md", () => {
    const rows = new Set(paths(equations));
    const shaders = list("shaders", /\.wgsl$/).map((file) => `shaders/${file}`);
    expect(shaders.filter((file) => !rows.has(file))).toEqual([]);
  });

  // Comments, docs, tests and scripts; a changelog may name what is gone.
  const texts = ["src", "shaders", "test", "docs", "bench", "scripts", "reference"].flatMap((dir) =>
    list(dir, /\.(tsx?|wgsl|md|mjs|py)$/).map((file) => `${dir}/${file}`),
  );
  const cited = (pattern: RegExp) =>
    [...texts, "README.md", "CONTRIBUTING.md"].flatMap((file) =>
      [...readFileSync(join(top, file), "utf8").matchAll(pattern)].map(([, what = ""]) => ({ file, what })),
    );

  test("sections of METHODS", () => {
    const methods = readFileSync(join(top, "docs/METHODS.md"), "utf8");
    const sections = new Set([...methods.matchAll(/^#+ §([\d.]+)/gm)].map(([, section = ""]) => section));
    const all = cited(/METHODS[, ]+§(\d+(?:\.\d+)?)/g);
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter(({ what }) => !sections.has(what))).toEqual([]);
  });

  test("pages of docs/", () => {
    const all = cited(/\b(docs\/[\w-]+\.md)/g);
    expect(all.length).toBeGreaterThan(20);
    expect(all.filter(({ what }) => !existsSync(join(top, what)))).toEqual([]);
  });

  test("links between pages lead to a file, and to a heading that it has", () => {
    const pages = ["README.md", "CONTRIBUTING.md", ...list("docs", /\.md$/).map((file) => `docs/${file}`)];
    const slug = (heading: string) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-");
    const headingsOf = (file: string) =>
      [...readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => slug(heading));
    const links = pages.flatMap((page) =>
      [...readFileSync(join(top, page), "utf8").matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(
        ([, link = ""]) => ({ page, link }),
      ),
    );
    expect(links.length).toBeGreaterThan(50);
    const dead = links.filter(({ page, link }) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? join(top, page) : resolve(top, dirname(page), path);
      return !existsSync(target) || (anchor !== undefined && !headingsOf(target).includes(anchor));
    });
    expect(dead).toEqual([]);
  });

  test("headings of docs/SINKHORN.md that shaders cite", () => {
    const page = readFileSync(join(top, "docs/SINKHORN.md"), "utf8");
    const headings = new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading));
    const all = cited(/docs\/SINKHORN\.md, "([^"]+)"/g);
    expect(all.length).toBeGreaterThan(4);
    expect(all.filter(({ what }) => !headings.has(what))).toEqual([]);
  });
});

test("no registry host, no machine path in tracked text", () => {
  const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: top, encoding: "utf8" }).split("\0");
  const files = tracked.filter((file) => file !== "" && existsSync(join(top, file)));
  expect(files.length).toBeGreaterThan(800);
  const host = /\bhttps?:\/\/(?:[\w-]+\.)*(?:npmjs|npmmirror|yarnpkg|pypi|pythonhosted)\.(?:com|org)/;
  const path = /(?<![\w.~-])\/(?:work|root|Users|home\/(?!someone\b))\/[\w.-]+/; // /home/someone is nobody's
  expect(readFileSync(join(top, "package-lock.json"), "utf8")).not.toMatch(/"resolved"/);
  for (const file of files) {
    const bytes = readFileSync(join(top, file));
    if (bytes.includes(0)) continue; // no text
    const text = bytes.toString("utf8");
    expect(host.exec(text)?.[0], file).toBeUndefined();
    expect(path.exec(text)?.[0], file).toBeUndefined();
  }
});
