// the page, with the real engine on SwiftShader — plan
//   opens and loads the bundled pair; Play counts steps, the loss falls, the plan changes, the answers come;
//   Pause holds still; Reset and Play give the same first losses, bit for bit
//   no console error, no request off this machine
// One page for all, in order: loading and compiling are slow without a GPU.
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  artifacts,
  planColors,
  startSite,
  stepOf,
  SWIFTSHADER,
  type Opened,
  type Site,
} from "./support/browser";

const STEPS = 12;
const COMPARED = 4;

/** Keeps every loss that the engine reports, at full precision. */
const LISTEN = `
  globalThis.losses = [];
  const RealWorker = globalThis.Worker;
  globalThis.Worker = class extends RealWorker {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        if (data.type === "steps") for (const { step, loss } of data.records) globalThis.losses.push({ step, loss });
      });
    }
  };`;

let site: Site;
let opened: Opened;
let page: Page;
beforeAll(async () => {
  site = await startSite(SWIFTSHADER);
  opened = await site.open({ engine: "real", before: LISTEN });
  page = opened.page;
  page.setDefaultTimeout(110_000);
});
afterAll(() => site?.close());

interface Loss {
  readonly step: number;
  readonly loss: number;
}
const losses = () => page.evaluate(() => Reflect.get(globalThis, "losses") as Loss[]);
const status = (name: string) => page.locator(`.standing[data-status="${name}"]`).waitFor();
const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
let firstRun: readonly Loss[] = [];

/** A run small enough for a software adapter, through the page's own import. */
async function useSmallRun(): Promise<void> {
  await page.getByRole("button", { name: /Run config/ }).click();
  const area = page.getByLabel("Config JSON");
  const config = JSON.parse(await area.inputValue());
  const small = {
    // Four rows three times over: whatever preset the page opens with, their loss falls.
    data: { ...config.data, rows: 4 },
    optimizer: { ...config.optimizer, warmupSteps: 0 },
    steps: STEPS,
    batchSize: 2,
    evaluation: { everySteps: 0, rows: 0 },
    probe: { row: 0, everySteps: 2, gradientRatio: false },
  };
  await area.fill(JSON.stringify({ ...config, ...small }));
  await page.getByRole("button", { name: "Use this config" }).click();
  await page.getByRole("button", { name: /Apply/ }).click();
}

test("opens and loads the bundled pair", async () => {
  await status("ready");
  const readyAt = await page.evaluate(() => performance.now());
  console.info(`ready after ${(readyAt / 1000).toFixed(1)} s on SwiftShader`); // oxlint-disable-line no-console
  expect(await page.locator(".chip").innerText()).toMatch(/software/);
  await useSmallRun();
  await page.getByText(`step 0 / ${STEPS}`).waitFor();
  await status("ready");
});

test("Play counts steps, the loss falls, the plan is drawn and changes", async () => {
  const start = await page.evaluate(() => performance.now());
  await press("Play");
  await page.waitForFunction(() => (Reflect.get(globalThis, "losses") as unknown[]).length > 0);
  const stepAt = await page.evaluate(() => performance.now());
  console.info(`first step ${((stepAt - start) / 1000).toFixed(1)} s after Play`); // oxlint-disable-line no-console
  await page.waitForFunction(
    () => Number(document.querySelector("[data-plan-step]")?.getAttribute("data-plan-step")) >= 2,
  );
  expect(await planColors(page)).toBeGreaterThan(20);
  await page.screenshot({ path: join(artifacts, "training-light-1440.png"), fullPage: true });
  await status("finished");
  firstRun = await losses();
  expect(firstRun.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  const values = firstRun.map(({ loss }) => loss);
  expect(mean(values.slice(-4))).toBeLessThan(mean(values.slice(0, 4)));
});

test("the answers stand beside the teacher's", async () => {
  await page.locator(".answer").first().waitFor();
  expect(await page.locator(".answer").count()).toBe(3);
  expect((await page.locator(".answer p").first().innerText()).length).toBeGreaterThan(3);
});

test("Reset and Play give the same first losses; Pause holds still", async () => {
  await press("Reset");
  await status("ready");
  expect(await stepOf(page)).toBe(0);
  await page.evaluate(() => Reflect.set(globalThis, "losses", []));
  await press("Play");
  await page.waitForFunction((n) => (Reflect.get(globalThis, "losses") as unknown[]).length >= n, COMPARED);
  await press("Pause");
  await status("paused");
  const held = await stepOf(page);
  const again = await losses();
  expect(again.slice(0, COMPARED)).toEqual(firstRun.slice(0, COMPARED));
  await page.waitForTimeout(1500);
  expect(await stepOf(page)).toBe(held);
});

test("nothing was complained about, and nothing left this machine", () => {
  expect(opened.complaints).toEqual([]);
});
