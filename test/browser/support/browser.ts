// A real Chromium on the real build: served from dist/ by vite's preview, driven through playwright-core.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { preview, type PreviewServer } from "vite";

const top = resolve(import.meta.dirname, "../../..");
export const distFolder = resolve(top, process.env["COUPLET_DIST"] ?? "dist");
export const artifacts = join(top, "test/browser/artifacts");

const QUIET = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-extensions",
  "--disable-sync",
  "--metrics-recording-only",
];
export const SWIFTSHADER = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** A page script that runs `code` in every worker before its own first line; messages wait until then. */
export const beforeWorkers = (before: string): string => `
  const RealWorker = globalThis.Worker;
  globalThis.Worker = function (url, options) {
    const code = \`
      ${before.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}
      const early = [];
      const keep = (event) => early.push(event.data);
      addEventListener("message", keep);
      import(\${JSON.stringify(String(url))}).then(() => {
        removeEventListener("message", keep);
        for (const data of early) dispatchEvent(new MessageEvent("message", { data }));
      });\`;
    return new RealWorker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), options);
  };`;
const WITHOUT_WEBGPU = beforeWorkers("delete WorkerNavigator.prototype.gpu;");

export interface Opened {
  readonly page: Page;
  /** Errors of the console and of the page, and requests that left this machine. */
  readonly complaints: string[];
}

export interface Visit {
  readonly engine?: ScriptedEngine | "real" | "without WebGPU";
  readonly context?: BrowserContextOptions;
  /** Runs in the page before anything else. */
  readonly before?: string;
  /** Where to begin, such as "#/transport?v=1&epsilon=0.5"; Distill unless said, and "" is the Start screen. */
  readonly hash?: string;
  /** Another address of the page than the site's own. */
  readonly url?: string;
}

/** See scripted-engine.js. */
export interface ScriptedEngine {
  readonly stepMs?: number;
  readonly loadMs?: number;
  readonly failAt?: number;
  readonly crashAt?: number;
  /** The step at which the device is lost, every time it is reached. */
  readonly loseAt?: number;
  readonly noGpu?: string;
  /** The student at which loading never ends. */
  readonly hangOn?: string;
  /** The step that never ends, the first time it is reached. */
  readonly hangAt?: number;
}

export interface Site {
  open(visit?: Visit): Promise<Opened>;
  /** Pages that are left open go on running, and slow down the tests after them. */
  closePages(): Promise<void>;
  close(): Promise<void>;
}

export async function startSite(flags: readonly string[] = []): Promise<Site> {
  if (!existsSync(join(distFolder, "index.html")))
    throw new Error("dist/ is missing: the browser tests drive the built page. Run `npx vite build` first.");
  mkdirSync(artifacts, { recursive: true });
  const server = await preview({
    root: top,
    build: { outDir: distFolder },
    logLevel: "error",
    preview: { port: 0, host: "127.0.0.1" },
  });
  const browser = await chromium.launch({ executablePath: findChromium(), args: [...QUIET, ...flags] });
  return {
    open: (visit = {}) => openPage(browser, address(server), visit),
    async closePages() {
      await Promise.all(browser.contexts().map((context) => context.close()));
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

export function findChromium(): string {
  const places = [
    process.env["CHROMIUM"],
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  ];
  const found = places.find((path) => path && existsSync(path));
  if (found) return found;
  throw new Error("No Chromium found. Install one, or name it: CHROMIUM=/path/to/chromium");
}

function address(server: PreviewServer): string {
  const bound = server.httpServer.address();
  if (!bound || typeof bound === "string") throw new Error("The preview server has no port.");
  return `http://localhost:${bound.port}/`;
}

/** For what hangs. Software rendering on a busy machine takes minutes over what a GPU does in seconds; a script does not. */
const ACTION_MS = { real: 240_000, scripted: 90_000 };

async function openPage(browser: Browser, url: string, visit: Visit): Promise<Opened> {
  // A scripted engine is a worker from a blob, which the page's policy refuses; real visits are held to the policy.
  const bypassCSP = visit.before !== undefined || visit.engine !== "real";
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    bypassCSP,
    ...visit.context,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(ACTION_MS[visit.engine === "real" ? "real" : "scripted"]);
  const complaints: string[] = [];
  const base = visit.url ?? url;
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => complaints.push(`page: ${error.message}`));
  context.on("request", (request) => {
    const local = [new URL(base).origin, "data:", "blob:"].some((start) => request.url().startsWith(start));
    if (!local) complaints.push(`request: ${request.url()}`);
  });
  const { engine = {} } = visit;
  if (engine === "without WebGPU") await page.addInitScript(WITHOUT_WEBGPU);
  if (visit.before) await page.addInitScript(visit.before);
  if (typeof engine === "object") {
    await page.addInitScript(`globalThis.scriptedEngine = ${JSON.stringify(engine)};`);
    await page.addInitScript(readFileSync(join(import.meta.dirname, "scripted-engine.js"), "utf8"));
  }
  await page.goto(base + (visit.hash ?? "#/distill"));
  return { page, complaints };
}

/** How many different colours the plan's canvas holds: a drawn plan has many, an empty one has none. */
export function planColors(page: Page): Promise<number> {
  const map = page.locator("#plan-map canvas").first();
  return map.evaluate((node) => {
    const canvas = node as HTMLCanvasElement;
    const data = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const colors = new Set<number>();
    for (let i = 0; i < data.length; i += 4)
      colors.add(((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0));
    return colors.size;
  });
}

/** From the recording to the run: a choice that is there once the models are, and not while settings are applied. */
export async function showLiveRun(page: Page): Promise<void> {
  const live = page.getByRole("radio", { name: "Live run" });
  const until = Date.now() + 60_000;
  while (!(await live.isChecked()) && Date.now() < until) {
    // A click on a disabled one does nothing, which `check` calls an error.
    await live.check({ force: true, timeout: 1000 }).catch(() => page.waitForTimeout(100));
  }
}

export const stepOf = async (page: Page): Promise<number> =>
  Number(await page.locator(".standing").getAttribute("data-step"));
