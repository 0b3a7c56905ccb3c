// the page, with a scripted engine — plan
//   first paint     the recorded plan is drawn from the recorded file, labelled, before any model
//   recorded        the ε slider solves on the CPU; without WebGPU too (four reasons, each with its remedy)
//   run             play, step, pause, reset; panels follow; hover and keys show a pair and its mass
//   settings        a wrong number is named at its field; a changed one offers to restart; JSON in and out
//   failing         NaN keeps the last good step; a dead worker is explained and started again; no recording
//   reading         axe without serious findings, light and dark, 1440 and 390 px; nothing cut off at 390;
//                   reduced motion has no transitions; a theme survives a reload, and denied storage is survived
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, planColors, startSite, stepOf, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const play = (page: Page) => page.getByRole("button", { name: "Play" }).click();
const untilStep = (page: Page, step: number) =>
  page.waitForFunction(
    (n) => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= n,
    step,
  );
const readouts = (page: Page) => page.locator(".readouts").innerText();

/** Notes when the plan was first in the document, in milliseconds since navigation. */
const WATCH_PLAN = `
  new MutationObserver((_, observer) => {
    if (!document.querySelector("#plan-map canvas")) return;
    globalThis.planShownAt = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });`;

test("the recorded plan is there before any model", async () => {
  const { page, complaints } = await site.open({ engine: { loadMs: 60_000 }, before: WATCH_PLAN });
  await page.locator("#plan-map canvas").first().waitFor();
  const shownAt = await page.evaluate(() => Reflect.get(globalThis, "planShownAt") as number);
  const paintAt = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  );
  console.info(`first paint ${paintAt?.toFixed(0)} ms, recorded plan ${shownAt.toFixed(0)} ms`); // oxlint-disable-line no-console
  expect(shownAt).toBeGreaterThan(0);
  expect(await planColors(page)).toBeGreaterThan(20);
  expect(await page.locator(".panel-plan .tag").innerText()).toBe("recorded");
  expect(complaints).toEqual([]);
});

async function moveEpsilon(page: Page): Promise<void> {
  const before = await readouts(page);
  await page.getByRole("slider", { name: /^Epsilon/ }).fill("0.5");
  await page.waitForFunction(
    (text) => document.querySelector<HTMLElement>(".readouts")?.innerText !== text,
    before,
  );
  expect(await page.locator(".epsilon output").innerText()).toMatch(/^3\.16 /);
  await page.getByRole("button", { name: "Back to the run's ε" }).click();
  await expect.poll(() => readouts(page)).toBe(before);
}

describe("without WebGPU", () => {
  test.each([
    ["without WebGPU", "no-webgpu"],
    ["real", "no-adapter"], // this Chromium runs without flags
  ] as const)("the engine %s says %s, and ε still works", async (engine, reason) => {
    const { page } = await site.open({ engine });
    await page.locator(`.notice[data-reason=${reason}]`).waitFor();
    expect(await page.getByRole("button", { name: "Play" }).isDisabled()).toBe(true);
    await moveEpsilon(page);
  });

  test.each([
    ["insecure-context", /https:\/\//],
    ["no-webgpu", /113 or later/],
    ["no-adapter", /chrome:\/\/gpu/],
    ["no-device", /Close other tabs/],
  ])("%s has its remedy", async (noGpu, remedy) => {
    const { page } = await site.open({ engine: { noGpu } });
    await page.locator(`.notice[data-reason=${noGpu}]`).waitFor();
    expect(await page.locator(".notice").innerText()).toMatch(remedy);
    await moveEpsilon(page);
  });
});

describe("a run", () => {
  test("plays, pauses, steps and goes back", async () => {
    const { page, complaints } = await site.open({ engine: { stepMs: 40 } });
    await play(page);
    await untilStep(page, 6);
    expect(await page.locator(".panel-plan .tag").count()).toBe(0);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator('.standing[data-status="paused"]').waitFor();
    const paused = await stepOf(page);
    await page.getByRole("button", { name: "Step", exact: true }).click();
    await untilStep(page, paused + 1);
    await page.locator(".panel-answers ins", { hasText: /^3$/ }).first().waitFor();
    await page.getByRole("button", { name: "Reset" }).click();
    await page.locator('.standing[data-status="ready"]').waitFor();
    expect(await stepOf(page)).toBe(0);
    await page.locator(".panel-losses .empty", { hasText: "No steps yet" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("the legend's terms add up to the total", async () => {
    const { page } = await site.open({ engine: { stepMs: 40 } });
    await page.getByRole("button", { name: "Step", exact: true }).click();
    await untilStep(page, 1);
    const read = async (key: string) =>
      Number(await page.locator(`.panel-losses [data-value=${key}]`).innerText());
    const apart = async () => {
      const terms = (await read("ce")) + (await read("ot_embedding")) + (await read("ot_hidden"));
      return Math.abs(terms - (await read("total")));
    };
    await expect.poll(apart).toBeLessThan(0.01); // three digits each are shown
  });

  test("hover and keys show a pair and its mass", async () => {
    const { page } = await site.open();
    const map = page.locator("#plan-map");
    await map.hover({ position: { x: 250, y: 250 } });
    const pair = page.locator(".pair");
    expect(await pair.innerText()).toMatch(/→[^]*mass [\d.e−]+[^]*% of the student token[^]*cost/);
    await page.mouse.move(0, 0);
    await map.focus();
    await page.keyboard.press("ArrowDown");
    const first = await pair.innerText();
    await page.keyboard.press("ArrowRight");
    expect(await pair.innerText()).not.toBe(first);
  });

  test("300 steps a second leave the page calm", async () => {
    const { page } = await site.open({ engine: { stepMs: 1 } });
    await page.getByLabel("Steps", { exact: true }).fill("5000");
    await page.getByRole("button", { name: /Apply/ }).click();
    await page.locator('.standing[data-status="ready"]').waitFor();
    await page.evaluate(() => {
      const counter = { changes: 0 };
      Reflect.set(globalThis, "counter", counter);
      const root = document.querySelector(".standing");
      if (root)
        new MutationObserver(() => counter.changes++).observe(root, { subtree: true, characterData: true });
    });
    await play(page);
    const started = Date.now();
    await page.waitForTimeout(2000);
    const changes = await page.evaluate(
      () => (Reflect.get(globalThis, "counter") as { changes: number }).changes,
    );
    const seconds = (Date.now() - started) / 1000;
    expect(await stepOf(page)).toBeGreaterThan(2 * changes); // the readouts do not follow every step
    expect(changes).toBeLessThanOrEqual(4 * seconds + 6); // four a second, and the changes of status
  });
});

describe("settings", () => {
  test("a wrong number is named at its field; a changed one restarts on demand", async () => {
    const { page } = await site.open();
    await page.locator('.standing[data-status="ready"]').waitFor();
    const epsilon = page.getByLabel("Epsilon", { exact: true });
    await epsilon.fill("-1");
    expect(await page.locator(".field .issue").innerText()).toMatch(/greater than 0/);
    expect(await epsilon.getAttribute("aria-invalid")).toBe("true");
    expect(await page.getByRole("button", { name: /Apply/ }).isDisabled()).toBe(true);
    await epsilon.fill("0.2");
    await page.getByLabel("Steps", { exact: true }).fill("12");
    await page.getByRole("button", { name: /Apply/ }).click();
    await page.getByText("step 0 / 12").waitFor();
    expect(await page.getByRole("button", { name: /Apply/ }).count()).toBe(0);
  });

  test("the config goes out and comes in as JSON", async () => {
    const { page } = await site.open();
    await page.getByRole("button", { name: /Run config/ }).click();
    const area = page.getByLabel("Config JSON");
    const json = JSON.parse(await area.inputValue());
    await area.fill(JSON.stringify({ ...json, steps: 0 }));
    await page.getByRole("button", { name: "Use this config" }).click();
    await page.locator(".config-note", { hasText: /steps: must be at least 1/ }).waitFor();
    await area.fill(JSON.stringify({ ...json, steps: 9, seed: 3 }));
    await page.getByRole("button", { name: "Use this config" }).click();
    await expect.poll(() => page.getByLabel("Seed").inputValue()).toBe("3");
  });
});

describe("failing", () => {
  test("a step that is not finite: what, why and what to do, at the last good step", async () => {
    const { page } = await site.open({ engine: { stepMs: 20, failAt: 5 } });
    await play(page);
    const notice = page.locator(".notice[data-code=not-finite]");
    expect(await notice.innerText()).toMatch(/stopped at step 4[^]*Why[^]*What to do[^]*learning rate/);
    await page.locator('.standing[data-step="4"]').waitFor();
    await notice.getByRole("button", { name: "Start again" }).click();
    await page.locator('.standing[data-status="ready"]').waitFor();
    expect(await notice.count()).toBe(0);
  });

  test("a dead worker is explained and started again", async () => {
    const { page } = await site.open({ engine: { stepMs: 20, crashAt: 3 } });
    await play(page);
    const notice = page.locator(".notice[data-code=worker-crash]");
    expect(await notice.innerText()).toMatch(/Scripted crash/);
    await notice.getByRole("button", { name: "Start again" }).click();
    await page.locator('.standing[data-status="ready"]').waitFor();
  });
});

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test.each([1440, 390])("reads well at %i px", async (width) => {
    const context = { colorScheme, viewport: { width, height: width === 390 ? 844 : 900 } };
    const { page, complaints } = await site.open({ engine: { stepMs: 8 }, context });
    await play(page);
    await untilStep(page, 60);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Largest flows").click();
    await page.screenshot({ path: join(artifacts, `scripted-${colorScheme}-${width}.png`), fullPage: true });
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await seriousFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

test("reduced motion has no transitions", async () => {
  const { page } = await site.open({ context: { reducedMotion: "reduce" } });
  await page.locator(".progress-track div").waitFor({ state: "attached" });
  const durations = await page.evaluate(() =>
    [...document.querySelectorAll("*")].map((node) => getComputedStyle(node).transitionProperty),
  );
  expect(new Set(durations)).toEqual(new Set(["none"]));
});

test("the theme is kept, and denied storage is survived", async () => {
  const { page } = await site.open();
  await page.getByRole("radio", { name: "Dark" }).check();
  await page.reload();
  expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
  const denied =
    "Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('denied'); } });";
  const other = await site.open({ before: denied });
  await other.page.getByRole("radio", { name: "Dark" }).check();
  expect(await other.page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
  expect(other.complaints).toEqual([]);
});
