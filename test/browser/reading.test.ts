// every screen reads well (check A8) — plan
//   axe        no serious finding on any route, in a lesson or in an embedded figure, light and dark
//   narrow     1440, 390 and 320 px, and 200 % zoom, with what folds closed and open: the page does not scroll sideways, and no text is cut off
//   motion     under reduced motion nothing is animated or in transition, while a run plays and a view morphs
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { join } from "node:path";
import { ROUTES } from "../../src/views/routes";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, startSite, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const PLACES = [
  ...ROUTES.map((route) => (route === "transport" ? "transport?v=1&features=bytes" : route)),
  "learn/tokenizers/2",
  "embed/transport?v=1&features=bytes",
  "embed/replay",
];
/** CSS pixels; the last is a window of 1440 px at 200 %. */
const WINDOWS = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
  { width: 320, height: 640 },
  { width: 720, height: 450 },
];

/** Texts that leave the window, or a box that hides what it cannot hold, outside of what scrolls. */
const cutOff = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = [];
    const scrolls = (node: Element): boolean => {
      for (let at: Element | null = node; at && at !== document.body; at = at.parentElement)
        if (/auto|scroll/.test(getComputedStyle(at).overflowX)) return true;
      return false;
    };
    for (const node of document.querySelectorAll<HTMLElement>("body *")) {
      const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent?.trim());
      const style = getComputedStyle(node);
      const box = node.getBoundingClientRect();
      if (!own || box.width < 2 || box.height < 2 || !node.checkVisibility({ visibilityProperty: true }))
        continue;
      if (node.closest("svg, .unseen, .skip, option")) continue;
      const says = () =>
        `<${node.tagName.toLowerCase()} class="${node.className}"> ${node.innerText.slice(0, 60)}`;
      if ((box.right > document.body.clientWidth + 1 || box.left < -1) && !scrolls(node))
        found.push(`outside: ${says()}`);
      const hides = /hidden|clip/.test(style.overflowX) && style.textOverflow !== "ellipsis";
      if (hides && node.scrollWidth > node.clientWidth + 1) found.push(`cut: ${says()}`);
    }
    return found;
  });

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test.each(PLACES)("#/%s", async (place) => {
    const { page, complaints } = await site.open({
      engine: { stepMs: 40 },
      hash: `#/${place}`,
      context: { colorScheme, viewport: WINDOWS[0]! },
    });
    await page.locator("main").waitFor();
    await page.waitForTimeout(400); // figures are drawn once their worker has answered
    expect(await seriousFindings(page)).toEqual([]);
    for (const window of WINDOWS) {
      await page.setViewportSize(window);
      await page.waitForTimeout(120);
      const name = `read-${place.replace(/\?.*/, "").replaceAll("/", "-")}-${colorScheme}-${window.width}.png`;
      if (process.env["COUPLET_SHOTS"])
        await page.screenshot({ path: join(artifacts, name), fullPage: true });
      const at = `${place} at ${window.width} px`;
      expect(await overflow(page), at).toBeLessThanOrEqual(0);
      expect(await cutOff(page), at).toEqual([]);
      await page.evaluate(() => document.querySelectorAll("details").forEach((node) => (node.open = true)));
      expect([await overflow(page), ...(await cutOff(page))], `${at}, everything open`).toEqual([0]);
      await page.evaluate(() => document.querySelectorAll("details").forEach((node) => (node.open = false)));
    }
    expect(complaints).toEqual([]);
  });
});

const moving = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    document
      .getAnimations()
      .filter(({ playState }) => playState === "running")
      .map((animation) => (animation.effect as KeyframeEffect).target?.className ?? "?"),
  );

test.each(["reduce", "no-preference"] as const)("motion: %s", async (reducedMotion) => {
  const calm = reducedMotion === "reduce";
  const { page } = await site.open({ engine: { stepMs: 20 }, context: { reducedMotion } });
  await page.getByRole("button", { name: "Play", exact: true }).click();
  for (let i = 0; calm && i < 10; i++) {
    expect(await moving(page)).toEqual([]);
    await page.waitForTimeout(50);
  }
  await page.evaluate(() => (location.hash = "#/transport?v=1&features=bytes"));
  await page.locator("#stage canvas").first().waitFor();
  // The morph is drawn by frames and is no animation of CSS: count how often the stage is drawn after the switch.
  const frames = await page.evaluate(async () => {
    let drawn = 0;
    const clear = CanvasRenderingContext2D.prototype.clearRect;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      if (this.canvas === document.querySelector("#stage canvas")) drawn++;
      clear.apply(this, box);
    };
    const ribbons = [...document.querySelectorAll("label")].find((label) => label.textContent === "Ribbons");
    ribbons?.click();
    await new Promise((resolve) => setTimeout(resolve, 400));
    return drawn;
  });
  if (calm) expect(frames).toBeLessThanOrEqual(2);
  else expect(frames).toBeGreaterThan(3); // the control: with motion there are frames between
  if (calm) expect(await moving(page)).toEqual([]);
});
