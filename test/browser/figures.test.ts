// every canvas can leave the page (A9) — plan
//   on every route with a canvas, each has PNG, SVG and CSV beside it, and the files are what they say:
//   the PNG decodes and is not blank, the SVG parses and has marks, the CSV holds the numbers that are drawn
//   no canvas stands without its buttons on lessons, embeds and the other screens
//   the ribbons' SVG is ribbons, not the matrix
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { showLiveRun, type Site, startSite } from "./support/browser";
import { twoMethods } from "./support/compare";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

async function saved(page: Page, group: number, kind: string): Promise<Buffer> {
  const buttons = page.locator(".save-figure").nth(group);
  const [file] = await Promise.all([
    page.waitForEvent("download").catch(async () => expect.fail(`no ${kind}: ${await buttons.innerText()}`)),
    buttons.getByRole("button", { name: kind }).click(),
  ]);
  expect(file.suggestedFilename()).toMatch(new RegExp(`^couplet-.*\\.${kind.toLowerCase()}$`));
  return readFileSync(await file.path());
}

/** How many colours a PNG holds, after the browser has decoded it. */
const colorsOf = (page: Page, png: Buffer): Promise<number> =>
  page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const pen = canvas.getContext("2d");
    pen?.drawImage(image, 0, 0);
    const data = new Uint32Array(pen?.getImageData(0, 0, image.width, image.height).data.buffer ?? []);
    return new Set(data).size;
  }, png.toString("base64"));

/** What an SVG is made of, after the browser has parsed it as XML. */
const marksOf = (page: Page, svg: string): Promise<Record<string, number>> =>
  page.evaluate((text) => {
    const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
    const count = (name: string) => parsed.querySelectorAll(name).length;
    return { errors: count("parsererror"), marks: count("path, circle"), texts: count("text") };
  }, svg);

/** Canvases that hold a figure, by panel, beside the buttons that save one: none without. */
async function unsaved(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const figures = [...document.querySelectorAll("canvas:not(.stage-overlay)")];
    const panels = new Map<Element | null, number>();
    for (const canvas of figures) {
      const panel = canvas.closest(".plan-figure, .panel, .embed");
      panels.set(panel, (panels.get(panel) ?? 0) + 1);
    }
    return [...panels]
      .filter(([panel, canvases]) => (panel?.querySelectorAll(".save-figure").length ?? 0) < canvases)
      .map(([panel]) => panel?.className ?? "outside a panel");
  });
}

/** Every figure of the page, saved three times and looked at. */
async function checkFigures(page: Page): Promise<string[][][]> {
  expect(await unsaved(page)).toEqual([]);
  const tables: string[][][] = [];
  for (let group = 0; group < (await page.locator(".save-figure").count()); group++) {
    expect(await colorsOf(page, await saved(page, group, "PNG"))).toBeGreaterThan(4);
    const { errors, marks, texts } = await marksOf(page, (await saved(page, group, "SVG")).toString());
    expect(errors).toBe(0);
    expect(marks).toBeGreaterThan(0);
    expect(texts).toBeGreaterThan(4);
    const rows = (await saved(page, group, "CSV")).toString().trim().split("\n");
    expect(rows.length).toBeGreaterThan(1);
    tables.push(rows.map((row) => row.split(",")));
  }
  return tables;
}

test("no canvas without its buttons on any other route", async () => {
  for (const hash of [
    "#/",
    "#/learn",
    "#/learn/sinkhorn",
    "#/learn/layers",
    "#/models",
    "#/data",
    "#/device",
    "#/embed/transport",
    "#/embed/replay",
  ]) {
    const { page } = await site.open({ engine: {}, hash });
    await page.locator("main .panel, main .embed, main .lesson-list, main .lesson-screen").first().waitFor();
    await page.waitForTimeout(300);
    await expect.poll(() => unsaved(page), { message: hash }).toEqual([]);
    await page.context().close();
  }
});

test("Distill", async () => {
  const { page, complaints } = await site.open({ engine: { stepMs: 4 } });
  await page.getByRole("button", { name: "Play" }).click();
  await showLiveRun(page);
  await page.waitForFunction(
    () => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= 45,
  );
  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator('.standing[data-status="paused"]').waitFor();
  const tables = await checkFigures(page);
  expect(tables).toHaveLength(4);
  const losses = tables.find(([head]) => head?.includes("ot_embedding"));
  const step = Number(await page.locator(".standing").getAttribute("data-step"));
  expect(losses).toHaveLength(step + 1);
  const [, ...terms] = losses?.at(-1)?.map(Number) ?? [];
  expect(terms.slice(0, -1).reduce((a, b) => a + b)).toBeCloseTo(terms.at(-1) ?? 0, 12);
  const plan = tables.find(([head]) => head?.[0] === "");
  const masses = plan?.slice(1).flatMap((row) => row.slice(-20).map(Number)) ?? [];
  expect(masses.reduce((a, b) => a + b)).toBeCloseTo(1, 3);
  expect(complaints).toEqual([]);
});

test("Compare", async () => {
  const { page, complaints } = await site.open({ engine: { stepMs: 4 }, hash: "#/compare" });
  await twoMethods(page);
  await page.getByLabel("Seeds", { exact: true }).fill("1, 2");
  await page.getByLabel("Steps", { exact: true }).fill("12");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('.run-list [data-status="done"]').length === 4);
  const [curves, plan] = await checkFigures(page);
  expect(curves).toHaveLength(13);
  const [, mean = 0, low = 0, high = 0] = curves?.at(-1)?.map(Number) ?? [];
  expect(high - mean).toBeGreaterThan(0);
  expect(mean - low).toBeCloseTo(high - mean, 9);
  expect(plan).toHaveLength(39);
  expect(complaints).toEqual([]);
});

test("Transport, matrix and ribbons", async () => {
  const { page, complaints } = await site.open({ hash: "#/transport" });
  await page.locator(".save-figure").first().waitFor();
  const [matrix] = await checkFigures(page);
  expect(matrix?.[0]?.[0]).toBe("");
  await page.getByLabel("Ribbons").check({ force: true });
  const [ribbons] = await checkFigures(page);
  expect(ribbons?.[0]).toEqual(["student", "student token", "teacher", "teacher token", "mass"]);
  expect((await saved(page, 0, "SVG")).toString()).toMatch(/ d="M[\d.]+ [\d.]+C/);
  expect(complaints).toEqual([]);
});
