// the Start screen — plan
//   first paint   the first picture before any model; nothing leaves the page
//   film          from blurred to sharp by itself; still for who wants no motion; played again when asked
//   alive         ε solves again on the CPU, and picture and caption follow; a term of the loss says what it is
//   room          p fills the screen; arrows move ε, Escape leaves
//   one screen    ε and the whole picture at 1280×720; a tap on a phone opens a sheet
//   ways on       Train goes to Distill and plays by itself; the tour; own text, as a link that Transport understands
//   without GPU   Train says why not, everything else works
//   reading       axe, light and dark, 1440 and 390 px
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, startSite, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const PICTURE = "#first canvas[data-flows]";
const WATCH_PLAN = `
  new MutationObserver((_, observer) => {
    if (!document.querySelector("${PICTURE}")) return;
    globalThis.planShownAt = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true, attributes: true });`;
const START = { hash: "" } as const;
const CALM = { reducedMotion: "reduce" } as const;
const flows = async (page: Page) => Number(await page.locator(PICTURE).getAttribute("data-flows"));
const SHARP = "join exactly the tokens that share letters";
const BLURRED = "spreads every token";
const epsilon = (page: Page) => page.getByRole("slider", { name: /^Epsilon/ });

test("the first picture is there before any model, and plays once by itself", async () => {
  const { page, complaints } = await site.open({ ...START, engine: { loadMs: 60_000 }, before: WATCH_PLAN });
  await page.locator(PICTURE).waitFor();
  const shownAt = await page.evaluate(() => Reflect.get(globalThis, "planShownAt") as number);
  console.info(`Start: first picture ${shownAt.toFixed(0)} ms`); // oxlint-disable-line no-console
  expect(shownAt).toBeGreaterThan(0); // the scripted engine has not loaded by then
  await page.getByText(SHARP).waitFor();
  await page.getByRole("button", { name: "Play: from blurred to sharp" }).waitFor();
  expect(await flows(page)).toBeLessThanOrEqual(14);
  expect(await page.getByRole("link", { name: "Start" }).getAttribute("aria-current")).toBe("page");
  expect(complaints).toEqual([]);
});

test("epsilon, the film and terms are alive", async () => {
  const { page } = await site.open({ ...START, engine: { noGpu: "no-webgpu" }, context: CALM });
  await page.getByText(SHARP).waitFor();
  const sharp = await flows(page);
  await epsilon(page).fill("0.5");
  await page.getByText(BLURRED).waitFor();
  expect(await flows(page)).toBeGreaterThan(sharp);
  await page.getByRole("button", { name: "Play: from blurred to sharp" }).click();
  await page.getByText(SHARP).waitFor();
  await page.getByRole("button", { name: "OT last hidden" }).click();
  await expect
    .poll(() => page.locator(".formula-text").innerText())
    .toMatch(/OT last hidden [\d.]+[^]*last hidden states/);
  expect(await page.getByRole("button", { name: /^▶ Train/ }).isDisabled()).toBe(true);
  expect(await page.locator(".start-actions").innerText()).toMatch(/can.t train \(no WebGPU\)/);
});

test("a room: the whole screen by one key, led by keys", async () => {
  const viewport = { width: 1280, height: 720 };
  const { page } = await site.open({ ...START, engine: {}, context: { ...CALM, viewport } });
  await page.getByText(SHARP).waitFor();
  const inView = async (selector: string) => {
    const box = await page.locator(selector).first().boundingBox();
    return box !== null && box.y >= 0 && box.y + box.height <= viewport.height;
  };
  expect(await inView("#first")).toBe(true);
  expect(await inView(".epsilon input")).toBe(true);
  await page.keyboard.press("p");
  await page.locator(".plan-figure[data-present]").waitFor();
  expect(await page.locator(".figure-room .readouts dt").count()).toBe(4);
  expect(
    await page
      .locator(".figure-room dd")
      .first()
      .evaluate((node) => getComputedStyle(node).fontSize),
  ).toBe("22px");
  const before = Number(await epsilon(page).inputValue());
  await page.keyboard.press("ArrowUp");
  await expect.poll(async () => Number(await epsilon(page).inputValue())).toBeGreaterThan(before);
  expect(await seriousFindings(page)).toEqual([]);
  await page.screenshot({ path: join(artifacts, "start-room.png") });
  await page.keyboard.press("p");
  await page.locator(".plan-figure[data-present]").waitFor({ state: "detached" });
});

test("a phone: ε stays in reach, and a tap opens a sheet", async () => {
  const context = { ...CALM, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
  const { page } = await site.open({ ...START, engine: { noGpu: "no-webgpu" }, context });
  await page.getByText(SHARP).waitFor();
  const box = await page.locator(".epsilon input").boundingBox();
  expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(844);
  await page.locator("#first").tap({ position: { x: 180, y: 40 } });
  await page.locator(".pair-sheet").waitFor();
  expect(await page.locator(".pair-sheet").innerText()).toMatch(/bytes \d+–\d+/);
  await page.locator(".pair-sheet").getByRole("button", { name: "Close" }).click();
  await page.locator(".pair-sheet").waitFor({ state: "detached" });
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
    const viewport = { width, height: width === 390 ? 844 : 900 };
    const context = { ...CALM, colorScheme, viewport };
    const { page, complaints } = await site.open({ ...START, context });
    await page.getByText(SHARP).waitFor();
    await page.screenshot({ path: join(artifacts, `start-${colorScheme}-${width}.png`), fullPage: true });
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await seriousFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
