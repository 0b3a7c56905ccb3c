// what a person made stays theirs, and the page says where one is, with a scripted engine — plan
//   lessons      own text, settings and address are there after them; "Open this state" keeps both to choose from
//   address      a screen that is gone back to says its state; a reload elsewhere loses none
//   undo         Ctrl-Z takes back a setting and a text; in a field the field's own comes first
//   arriving     the top of the screen, the keyboard in it, the tab's title; the skip link stays where one is
//   palette      begins anew each time; "Link copied." is seen; the device sheet closes with Escape and a press beside it
//   language     a system language that is no tag does not empty the page
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { seriousFindings } from "./support/axe";
import { artifacts, startSite, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const OWN =
  "#/transport?v=1&features=bytes&text.from=own&text.text=My+precious+sentence&drop=text.row+text.student+text.teacher";
const go = (page: Page, name: string) => page.getByRole("link", { name, exact: true }).first().click();
const ownText = (page: Page) => page.getByLabel("Your text").inputValue();

test("a lesson gives the text, the settings and the address back", async () => {
  const { page, complaints } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: OWN });
  await page.locator("#stage canvas").first().waitFor();
  await go(page, "Distill");
  await page.getByLabel("Seed", { exact: true }).fill("11");
  await go(page, "Learn");
  await page.getByRole("link", { name: /Moving mass/ }).click();
  await page.getByText("restored when you leave").waitFor();
  await page.locator(".lesson-screen #stage canvas").first().waitFor();
  await go(page, "Transport");
  expect(await ownText(page)).toBe("My precious sentence");
  await expect.poll(() => page.url()).toContain("My+precious+sentence");
  await page.goto(`${page.url().split("#")[0]}#/learn/run/2`); // 60 steps, one weight at 0
  await page.locator(".lesson-screen .panel-settings").waitFor();
  await go(page, "Distill");
  expect(await page.getByLabel("Seed", { exact: true }).inputValue()).toBe("11");
  expect(await page.getByLabel("Steps", { exact: true }).inputValue()).toBe("1500");
  await expect.poll(() => page.url()).toContain("seed=11");
  expect(complaints).toEqual([]);
});

test("a lesson's state that is opened can be left for one's own", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: OWN });
  await page.locator("#stage canvas").first().waitFor();
  await page.goto(`${page.url().split("#")[0]}#/learn/sinkhorn/3`);
  await page.getByRole("link", { name: "Open this state" }).click();
  await page.locator('[data-notice="aside"]').waitFor();
  expect(await ownText(page)).toBe("answer is 40");
  expect(await seriousFindings(page)).toEqual([]);
  await page.screenshot({ path: join(artifacts, "own-state-opened.png") });
  await page.reload();
  await page.locator('[data-notice="aside"]').waitFor();
  await page.getByRole("button", { name: "Restore mine" }).click();
  expect(await ownText(page)).toBe("My precious sentence");
  expect(await page.locator('[data-notice="aside"]').count()).toBe(0);
  await go(page, "Learn");
  await page.locator(".lesson-list").waitFor();
  expect(await page.getByText("done ✓").count()).toBe(0); // opening is not finishing
});

test("a screen that is gone back to says its state, and a reload elsewhere keeps it", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: OWN });
  await page.locator("#stage canvas").first().waitFor();
  await go(page, "Distill");
  await page.getByLabel("Seed", { exact: true }).fill("12");
  await expect.poll(() => page.url()).toContain("seed=12");
  await go(page, "Transport");
  await expect.poll(() => page.url()).toContain("text.text=My+precious+sentence");
  await go(page, "Learn");
  await page.reload();
  await go(page, "Transport");
  expect(await ownText(page)).toBe("My precious sentence");
  await go(page, "Distill");
  expect(await page.getByLabel("Seed", { exact: true }).inputValue()).toBe("12");
});

test("Ctrl-Z takes back settings and texts", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" } });
  await page.getByLabel("Method", { exact: true }).selectOption("sft");
  await page.locator("h1").click();
  await page.keyboard.press("Control+z");
  await page.getByText("Undone.").waitFor();
  expect(await page.getByLabel("Method", { exact: true }).inputValue()).toBe("cot2align");
  await page.keyboard.press("Control+Shift+Z");
  expect(await page.getByLabel("Method", { exact: true }).inputValue()).toBe("sft");
});

test("arriving: top, keyboard and title; the skip link stays on the screen", async () => {
  const { page } = await site.open({ engine: {} });
  await page.locator(".panel-log").waitFor();
  expect(await page.title()).toBe("Distill · Couplet");
  await page.evaluate(() => scrollTo(0, 900));
  await page.locator("h1").click({ force: true });
  await page.keyboard.press("g");
  await page.keyboard.press("3");
  await page.locator(".panel-text").waitFor();
  expect(await page.evaluate(() => scrollY)).toBe(0);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  expect(await page.title()).toBe("Transport · Couplet");
  await page.goto(`${page.url().split("#")[0]}#/learn/sinkhorn/2`);
  await expect.poll(() => page.title()).toBe("Sinkhorn, sweep by sweep, 2/3 · Couplet");
  await go(page, "Compare");
  await page.locator(".panel-budget").waitFor();
  await page.locator("a.skip").focus();
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  expect(new URL(page.url()).hash).toBe("#/compare");
  expect(await page.locator(".panel-budget").count()).toBe(1);
});

test("the palette begins anew, what it copied is seen; the device sheet closes", async () => {
  const { page } = await site.open({ engine: {}, context: { permissions: ["clipboard-write"] } });
  await page.locator(".panel-settings").waitFor();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Type a command").fill("zzz");
  await page.getByText("No matching command.").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  expect(await page.getByPlaceholder("Type a command").inputValue()).toBe("");
  await page.getByPlaceholder("Type a command").fill("copy a link");
  await page.keyboard.press("Enter");
  const seen = page.locator(".toast", { hasText: "Link copied." });
  await seen.waitFor();
  expect((await seen.boundingBox())?.width).toBeGreaterThan(50);
  const sheet = page.locator(".chip-sheet");
  await page.locator(".chip summary").click();
  await sheet.waitFor();
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "hidden" });
  await page.locator(".chip summary").click();
  await sheet.waitFor();
  await page.locator("h1").click();
  await sheet.waitFor({ state: "hidden" });
});

test.each(["en-US@posix", "C", "", "de_DE.UTF-8"])(
  "a language of %j leaves the page whole",
  async (language) => {
    const before = `Object.defineProperty(Navigator.prototype, "language", { get: () => ${JSON.stringify(language)}, configurable: true });`;
    const { page, complaints } = await site.open({ engine: {}, before });
    await page.locator(".panel-losses canvas, .panel-losses .u-wrap").first().waitFor();
    expect(complaints).toEqual([]);
  },
);
