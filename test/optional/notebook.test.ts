// The figure's widget in a real JupyterLab, driven headless — plan (npm run test:notebook; needs a Python with jupyterlab, ipykernel,
// anywidget and numpy, named by COUPLET_PYTHON unless it is python3; not part of npm test)
//   notebook   examples/notebook/plan.ipynb runs whole; both figures are drawn; keys walk and the line says where; a press is
//              told to Python; Python's change of form is drawn
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findChromium } from "../browser/support/browser";

const top = resolve(import.meta.dirname, "../..");
const python = process.env["COUPLET_PYTHON"] ?? "python3";
let folder: string;
let lab: ChildProcess;
let address: string;
let browser: Browser;

beforeAll(async () => {
  execFileSync(process.execPath, [join(top, "scripts/build-parts.mjs")], { stdio: "pipe" });
  folder = mkdtempSync(join(tmpdir(), "couplet-notebook-"));
  cpSync(join(top, "examples/notebook"), join(folder, "examples/notebook"), { recursive: true });
  cpSync(join(top, "dist-parts/python"), join(folder, "dist-parts/python"), { recursive: true });
  const notebook = join(folder, "examples/notebook/plan.ipynb");
  const json = JSON.parse(readFileSync(notebook, "utf8"));
  for (const source of ["figure.selected", 'figure.form = "matrix"'])
    json.cells.push({
      cell_type: "code",
      id: `more-${json.cells.length}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    });
  writeFileSync(notebook, JSON.stringify(json));
  const options = [
    "--no-browser",
    "--allow-root",
    "--port=0",
    "--IdentityProvider.token=",
    "--ServerApp.password=",
  ];
  lab = spawn(
    python,
    ["-m", "jupyterlab", ...options, `--ServerApp.root_dir=${join(folder, "examples/notebook")}`],
    {
      env: { ...process.env, HOME: folder, JUPYTER_RUNTIME_DIR: join(folder, "runtime") },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  address = await new Promise((found, failed) => {
    let said = "";
    lab.stderr?.on("data", (chunk) => {
      said += String(chunk);
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/lab/.exec(said) ?? [];
      if (url) found(url);
    });
    lab.once("error", failed);
    lab.once("exit", () => failed(new Error(`JupyterLab ended: ${said.slice(-2000)}`)));
  });
  browser = await chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox"] });
});
afterAll(async () => {
  await browser?.close();
  lab?.kill();
  rmSync(folder, { recursive: true, force: true });
});

test("the notebook", async () => {
  const page = await browser.newPage({ viewport: { width: 1300, height: 2400 } });
  page.setDefaultTimeout(240_000);
  await page.goto(`${address}/tree/plan.ipynb`);
  const idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]");
  await page.locator(".jp-CodeCell").nth(5).waitFor();
  await idle.waitFor();
  const menu = async (name: string) => {
    await page.locator(".lm-MenuBar-itemLabel", { hasText: /^Run$/ }).click();
    await page.locator(".lm-Menu-itemLabel", { hasText: new RegExp(`^${name}$`) }).click();
  };
  // All but the two cells that ask later.
  await page.locator(".jp-CodeCell").nth(4).locator(".jp-InputPrompt").click();
  await menu("Run All Above Selected Cell");
  const stages = page.locator(".jp-OutputArea-output [role=application]");
  await stages.nth(1).waitFor();
  const line = page.locator(".jp-OutputArea-output [role=application] + p").first();
  await stages.first().focus();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await stages.first().press(key);
  expect(await line.textContent()).toMatch(/^␣train → ␣tr: mass 0\.\d+, \d+(\.\d)? % of its row$/);
  const cells = page.locator(".jp-CodeCell");
  await cells.nth(4).locator(".jp-InputPrompt").click();
  await menu("Run Selected Cell and Do not Advance");
  await cells.nth(4).locator(".jp-OutputArea-output", { hasText: "[1, 1]" }).waitFor();
  const size = () =>
    stages
      .first()
      .locator("canvas")
      .first()
      .evaluate((node) => (node as HTMLCanvasElement).height);
  const ribbons = await size();
  await cells.nth(5).locator(".jp-InputPrompt").click();
  await menu("Run Selected Cell and Do not Advance");
  await expect.poll(size, { timeout: 60_000 }).not.toBe(ribbons);
  await page.close();
});
