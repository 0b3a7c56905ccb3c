// The npm package as others use it: packed, installed into a project of its own, built there by vite, run in Node and in Chromium — plan
//   package     what it holds; no path of this repository, no React; size of each entry with all that it loads
//   types       a strict project with Node's resolution compiles against them
//   docs        the first example of every page runs as pasted, and prints what it says
//   examples    POT's numbers in Node, on Dawn and in float64; the align page in Chromium: chunks, a plan, an error said
//   figure      its page's first example: drawn, walked through by keys, changed, saved, taken away; the element; the widget's front end
//   vite        unused exports leave; the shaders come with the first question to a GPU
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build, preview, type PreviewServer } from "vite";
import { findChromium, SWIFTSHADER } from "./support/browser";
import { closureSize, type Consumer, filesOf, firstExample, makeConsumer, top } from "./support/consumer";

let consumer: Consumer;
let server: PreviewServer;
let browser: Browser;
beforeAll(async () => {
  consumer = makeConsumer();
  consumer.take("examples/align/index.html", "index.html");
  consumer.take("examples/align/main.js", "main.js");
  for (const side of ["student", "teacher"])
    consumer.take(`public/models/couplet-${side}/tokenizer.json`, `public/couplet-${side}/tokenizer.json`);
  consumer.write("few.js", 'import { planFrom } from "couplet/ot";\nglobalThis.planFrom = planFrom;\n');
  const { folder } = consumer;
  const example = `${firstExample("figure.md")}globalThis.figure = figure;\n`;
  consumer.write("figure.js", `import "./rest.js";\n${example}`);
  consumer.write("rest.js", 'import { definePlanElement } from "couplet/figure";\ndefinePlanElement();\n');
  consumer.write(
    "figure.html",
    '<!doctype html><title>figure</title><body><script type="module" src="./figure.js"></script></body>',
  );
  consumer.write(
    "public/couplet_figure.js",
    readFileSync(join(consumer.package, "python/couplet_figure.js"), "utf8"),
  );
  const input = ["index.html", "figure.html"].map((page) => join(folder, page));
  await build({
    root: folder,
    configFile: false,
    base: "./",
    logLevel: "error",
    build: { rollupOptions: { input } },
  });
  const lib = { entry: join(folder, "few.js"), formats: ["es" as const], fileName: "few" };
  await build({
    root: folder,
    configFile: false,
    logLevel: "error",
    build: { lib, outDir: "few", copyPublicDir: false },
  });
  server = await preview({
    root: folder,
    configFile: false,
    logLevel: "error",
    preview: { port: 0, host: "127.0.0.1" },
  });
  browser = await chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox", ...SWIFTSHADER] });
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  consumer?.remove();
});

/** Limits are for what hangs: shaders compile slowly on a busy machine. */
async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(240_000);
  return page;
}

const BUDGET = { ot: 40, spans: 15, figure: 30, "python/couplet_figure": 30 };

describe("package", () => {
  test.each(Object.entries(BUDGET))("couplet/%s is at most %d kB", (name, most) => {
    const size = closureSize(consumer.package, `${name}.js`);
    expect(size).toBeGreaterThan(1);
    expect(size).toBeLessThanOrEqual(most);
  });

  test("holds entries, types, docs and nothing of this machine", () => {
    const files = filesOf(consumer.package);
    const manifest = JSON.parse(readFileSync(join(consumer.package, "package.json"), "utf8"));
    const entries = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === "string" ? entry : Object.values(entry as object),
    );
    for (const path of entries as string[]) expect(existsSync(join(consumer.package, path)), path).toBe(true);
    expect(files).toEqual(
      expect.arrayContaining([
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "docs/parts/ot.md",
        "docs/parts/spans.md",
        "docs/parts/figure.md",
        "python/couplet_figure.py",
      ]),
    );
    expect(readFileSync(join(consumer.package, "CHANGELOG.md"), "utf8")).toContain(`### ${manifest.version}`);
    for (const file of files) {
      const text = readFileSync(join(consumer.package, file), "utf8");
      expect(text, file).not.toContain(top);
      if (file.endsWith(".js")) expect(text, file).not.toMatch(/react|\/\/\s*src\//i);
    }
  });

  test("the repository's own exports are the package's", () => {
    const exportsOf = (path: string) =>
      JSON.parse(readFileSync(path, "utf8")).exports as Record<string, unknown>;
    const own = JSON.stringify(exportsOf(join(top, "package.json"))).replaceAll("./dist-parts/", "./");
    expect(JSON.parse(own)).toEqual(exportsOf(join(consumer.package, "package.json")));
  });

  test("types", () => {
    const uses = `
      import { prepare, solve, type OtOptions, type Prepared, type Solution } from "couplet/ot";
      import { align, readTokenizer, type ByteTokenizer, type Chunk } from "couplet/spans";
      import { createFigure, planSvg, type Figure } from "couplet/figure";
      export const svg: string = planSvg({ plan: [[1]] });
      export const figure = (el: HTMLElement): Figure => createFigure(el, { plan: new Float32Array(1), n: 1, m: 1 });
      const settings: OtOptions = { epsilon: 0.1, gradient: "implicit" };
      export const solved: Promise<Solution[]> = solve([{ cost: [[0, 1]] }, { n: 1, m: 1, cost: new Float32Array(1) }], settings);
      export const make = (device: GPUDevice, cost: GPUBuffer): Promise<Prepared> =>
        prepare(device, { sizes: [{ n: 1, m: 1 }], cost });
      export const chunks = (one: ByteTokenizer, other: ByteTokenizer): readonly Chunk[] => align(one, other, "text").chunks;
      export const read: Promise<ByteTokenizer> = readTokenizer({ model: {} });
      // @ts-expect-error there is no such gradient
      void solve([{ cost: [[0]] }], { gradient: "exact" });
      // @ts-expect-error features need a kind
      void solve([{ x: [[0]], y: [[0]] }]);
    `;
    consumer.write("uses.ts", uses);
    const strict = [
      "--noEmit",
      "--strict",
      "--exactOptionalPropertyTypes",
      "--target",
      "es2023",
      "--types",
      "",
    ];
    const tsc = join(top, "node_modules/typescript/bin/tsc");
    const { status, stdout } = consumer.node(tsc, ...strict, "--module", "nodenext", "uses.ts");
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});

describe("in Node", () => {
  const run = (file: string, ...args: string[]): string => {
    const { status, stdout, stderr } = consumer.node(file, ...args);
    expect(status, stderr).toBe(0);
    return stdout;
  };

  test("the first example of ot", () => {
    consumer.write("ot.mjs", firstExample("ot.md"));
    const out = run("ot.mjs");
    // P ∝ exp(−C): e⁰ and e⁻¹, normalized.
    const stay = 1 / (2 + 2 * Math.exp(-1));
    expect(out).toContain(String(stay).slice(0, 10));
    expect(out).toContain(String(0.5 - stay).slice(0, 10));
    expect(out).toMatch(/device: 'cpu'/);
  });

  test("the first example of spans", () => {
    consumer.write("spans.mjs", firstExample("spans.md"));
    const out = run("spans.mjs").replaceAll(/\s+/g, " ");
    expect(out).toContain("3, 4, 5, 6, 7, 8, 9, 10");
    expect(out).toContain(
      "{ student: [ 0, 1 ], teacher: [ 0, 1 ] }, { student: [ 1, 5 ], teacher: [ 1, 2 ] }",
    );
    expect(out).toContain("{ aligned: 8, tokens: 8 }");
  });

  // POT 0.9.7: ot.sinkhorn([.5, .5], [.5, .5], [[0., 1.], [1., 0.]], 1), and of its 1D example with reg 1e-3
  // (sinkhorn_log, stopThr 1e-12) (G * M).sum() = 0.16626805278753773 and G.max() = G[20, 60] = 0.010419928752009444.
  test.each([[], ["--cpu"]])("POT's examples %s", (...args: string[]) => {
    consumer.take("examples/pot.mjs", "pot.mjs");
    const out = run("pot.mjs", ...args);
    expect(out).toMatch(args.length > 0 ? /on the CPU, in float64/ : /solved on (?!the CPU)/);
    expect(out).toContain("0.36553 0.13447 0.13447 0.36553");
    expect(out).toContain("<P, M> = 0.16627");
    expect(out).toContain("its largest entry: 0.01042 at 20, 60: 0.01042");
  });
});

describe("in Chromium", () => {
  test("the align page", async () => {
    const page = await openPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${server.resolvedUrls!.local[0]}`);
    await page.locator("#solved", { hasText: "solved by WebGPU" }).waitFor();
    expect(await page.locator("#coverage").textContent()).toMatch(
      /^\d+ chunks .* 100 % of the student’s \d+ tokens/,
    );
    const cells = await page.locator("#chunks code").allTextContents();
    const sides = [0, 1].map((side) =>
      cells.filter((_, k) => k % 3 === side).map((text) => text.replaceAll(" | ", "")),
    );
    expect(sides[0]!.length).toBeGreaterThan(5);
    expect(sides[1]!.join("")).toContain("train␣leaves");
    expect(sides[0]!.filter((text, k) => text !== sides[1]![k] && !text.includes("é"))).toEqual([]);
    expect(await page.locator("#figure canvas").first().evaluate(countColors)).toBeGreaterThan(20);
    await page.locator("#text").fill("");
    await page.locator("#coverage", { hasText: "0 chunks" }).waitFor();
    await page
      .locator("#student")
      .setInputFiles({ name: "t.json", mimeType: "application/json", buffer: Buffer.from("{}") });
    await page.locator("#problem", { hasText: "student: expected a tokenizer" }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("the figure", async () => {
    const page = await openPage({ viewport: { width: 800, height: 600 } });
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${server.resolvedUrls!.local[0]}figure.html`);
    const stage = page.getByRole("application");
    await stage.waitFor();
    const colors = () => stage.locator("canvas").first().evaluate(countColors);
    expect(await colors()).toBeGreaterThan(20); // ribbons over one another
    const line = page.locator("body > div > p");
    await stage.focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await stage.press(key);
    expect(await line.textContent()).toBe("␣bank → ␣Bank: mass 0.25, 75.8 % of its row");
    await stage.press("m");
    await page.waitForFunction(() => Reflect.get(globalThis, "figure").svg().includes("crispEdges"));
    expect(await colors()).toBeGreaterThan(5);
    await stage.press("Escape");
    expect(await line.textContent()).toMatch(/^Point at a cell/);
    await page.evaluate(() => {
      const element = document.createElement("couplet-plan");
      element.setAttribute("form", "ribbons");
      document.body.replaceChildren(element);
      Object.assign(element, {
        plan: {
          plan: [
            [1, 0],
            [0, 1],
          ],
        },
      });
    });
    expect(await colors()).toBeGreaterThan(3);
    const refused = await page.evaluate(() => {
      const element = document.querySelector("couplet-plan")!;
      try {
        Object.assign(element, { plan: { plan: [[-1]] } });
        return "";
      } catch (error) {
        element.remove();
        return `${error} ${element.childElementCount}`;
      }
    });
    expect(refused).toMatch(/^RangeError: plan: masses .* 0$/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("the widget's front end", async () => {
    const page = await openPage({ viewport: { width: 800, height: 600 } });
    await page.goto(`${server.resolvedUrls!.local[0]}figure.html`);
    const content = 'import widget from "./couplet_figure.js";\nglobalThis.widget = widget;';
    await page.addScriptTag({ type: "module", content });
    await page.waitForFunction(() => "widget" in globalThis);
    const seen = await page.evaluate(driveWidget);
    expect(seen).toEqual({
      first: "a → x: mass 0.5, 100 % of its row",
      selected: [0, 0],
      saved: 1,
      later: "c → z: mass 0.25, 100 % of its row",
      left: 0,
      listeners: 0,
    });
    await page.close();
  });
});

describe("in vite's output", () => {
  test("what is not used leaves, and shaders are a chunk of their own", () => {
    expect(closureSize(join(consumer.folder, "few"), "few.js")).toBeLessThan(1.5);
    const assets = join(consumer.folder, "dist/assets");
    const files = readdirSync(assets).map(
      (file) => [file, readFileSync(join(assets, file), "utf8")] as const,
    );
    const first = files.find(([file]) => /^index-.*js$/.test(file));
    expect(first?.[1]).toContain("navigator.gpu is missing");
    expect(first?.[1]).not.toContain("@compute");
    expect(files.filter(([, text]) => text.includes("@compute"))).not.toEqual([]);
  });
});

function countColors(node: Element): number {
  const { width, height } = node as HTMLCanvasElement;
  const pen = (node as HTMLCanvasElement).getContext("2d")!;
  const data = new Uint32Array(pen.getImageData(0, 0, width, height).data.buffer);
  return new Set(data).size;
}

/** A model as anywidget gives it: traits, and listeners to their changes. */
async function driveWidget() {
  const widget = Reflect.get(globalThis, "widget");
  const bytes = (values: number[]) => new DataView(Float32Array.from(values).buffer);
  const traits: Record<string, unknown> = {
    ...{ _data: bytes([0.5, 0, 0, 0.5]), rows: ["a", "b"], cols: ["x", "y"], titles: ["rows", "columns"] },
    ...{ form: "matrix", scheme: "light", scale: "sqrt", max_height: 300, selected: [] },
  };
  const listeners = new Map<string, () => void>();
  let saved = 0;
  const model = {
    get: (name: string) => traits[name],
    set: (name: string, value: unknown) => (traits[name] = value),
    on: (event: string, listener: () => void) => listeners.set(event, listener),
    off: (event: string) => listeners.delete(event),
    save_changes: () => saved++,
  };
  const el = document.createElement("div");
  document.body.replaceChildren(el);
  const end = widget.render({ model, el });
  const press = (...keys: string[]) => {
    for (const key of keys)
      el.querySelector("[role=application]")!.dispatchEvent(new KeyboardEvent("keydown", { key }));
    return el.querySelector("p")!.textContent;
  };
  const first = press("ArrowDown");
  const [selected, times] = [traits["selected"], saved];
  // Another plan of another size: its traits change one after the other.
  for (const [name, value] of Object.entries({
    _data: bytes([0, 0.5, 0.25, 0, 0, 0.25]),
    rows: ["a", "b", "c"],
    cols: ["y", "z"],
  })) {
    traits[name] = value;
    listeners.get(`change:${name}`)?.();
  }
  await Promise.resolve();
  const later = press("ArrowDown", "PageDown", "End");
  end();
  return { first, selected, saved: times, later, left: el.childElementCount, listeners: listeners.size };
}
