// the Start screen — plan
//   first paint   the recorded plan within a second (aim), as ribbons and heat map, before any model; nothing leaves the page
//   alive         ε solves again on the CPU, and both pictures follow; steps; a term of the loss says what it is
//   ways on       Train goes to Distill and plays by itself; the tour; own text, as a link that Transport understands
//   without GPU   Train says why not, everything else works
//   reading       axe, light and dark, 1440 and 390 px
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, planColors, startSite, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const WATCH_PLAN = `
  new MutationObserver((_, observer) => {
    if (!document.querySelector("#ribbons canvas[data-flows]") || !document.querySelector("#plan-map canvas")) return;
    globalThis.planShownAt = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });`;
const START = { hash: "" } as const;
const bands = async (page: Page) =>
  Number(await page.locator("#ribbons canvas").first().getAttribute("data-flows"));

test("the recorded plan is there before any model", async () => {
  const { page, complaints } = await site.open({ ...START, engine: { loadMs: 60_000 }, before: WATCH_PLAN });
  await page.locator("#plan-map canvas").first().waitFor();
  await page.locator("#ribbons canvas[data-flows]").waitFor();
  const shownAt = await page.evaluate(() => Reflect.get(globalThis, "planShownAt") as number);
  console.info(`Start: recorded plan ${shownAt.toFixed(0)} ms`); // oxlint-disable-line no-console
  expect(shownAt).toBeGreaterThan(0); // the scripted engine has not loaded by then
  expect(await planColors(page)).toBeGreaterThan(20);
  expect(await page.getByRole("link", { name: "Start" }).getAttribute("aria-current")).toBe("page");
  expect(complaints).toEqual([]);
});

test("epsilon, steps and terms are alive", async () => {
  const { page } = await site.open({ ...START, engine: { noGpu: "no-webgpu" } });
  await page.locator("#ribbons canvas[data-flows]").waitFor();
  const sharp = await bands(page);
  await page.getByRole("slider", { name: /^Epsilon/ }).fill("1");
  await expect.poll(() => bands(page)).toBeGreaterThan(sharp);
  await page.getByRole("button", { name: "Back to the run's ε" }).click();
  await expect.poll(() => bands(page)).toBe(sharp);
  await page.getByRole("button", { name: "OT last hidden" }).click();
  expect(await page.locator(".formula-text").innerText()).toMatch(
    /OT last hidden [\d.]+[^]*last hidden states/,
  );
  expect(await page.getByRole("button", { name: /^▶ Train/ }).isDisabled()).toBe(true);
  expect(await page.locator(".start-actions").innerText()).toMatch(/can.t train \(no WebGPU\)/);
});

test("Train plays by itself; the tour and own text open", async () => {
  const { page, complaints } = await site.open({ ...START, engine: { stepMs: 30, loadMs: 400 } });
  const train = page.getByRole("button", { name: /^▶ Train [\d,]+ steps/ });
  expect(await page.locator(".start-actions").innerText()).toMatch(/took \d+ s on .* MB of models/);
  await train.click();
  await page.waitForFunction(
    () => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= 2,
  );
  await page.getByRole("link", { name: "Start" }).click();
  expect(await page.getByRole("button", { name: "▶ Go to the run" }).count()).toBe(1);
  await page.getByRole("link", { name: "Take the tour" }).click();
  await page.locator("#lesson-title").waitFor();
  await page.getByRole("link", { name: "Start" }).click();
  await page.getByRole("link", { name: "Use my own text" }).click();
  await page.getByText("Therefore, the unforeseeable").first().waitFor();
  expect(await page.locator(".notice-bad, .transport .issue").count()).toBe(0);
  expect(complaints).toEqual([]);
});

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test.each([1440, 390])("reads well at %i px", async (width) => {
    const context = { colorScheme, viewport: { width, height: width === 390 ? 844 : 900 } };
    const { page, complaints } = await site.open({ ...START, context });
    await page.locator("#ribbons canvas[data-flows]").waitFor();
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(artifacts, `start-${colorScheme}-${width}.png`), fullPage: true });
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await seriousFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
