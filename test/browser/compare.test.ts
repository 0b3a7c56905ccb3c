// the Compare screen, with a scripted engine — plan
//   two methods on two seeds run one after another; the table has mean and deviation; curves with bands
//   plans, answers with the words that differ, and settings, in columns locked to one seed and step
//   a seed that is none is marked; without a GPU the button says why; axe, light and dark, 1440 and 390 px
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, startSite, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

test.each([
  ["light", 1440],
  ["dark", 390],
] as const)("two methods on two seeds, %s at %i px", async (colorScheme, width) => {
  const context = { colorScheme, viewport: { width, height: 844 } };
  const { page, complaints } = await site.open({ engine: { stepMs: 4 }, hash: "#/compare", context });
  await page.getByLabel("Steps", { exact: true }).fill("12");
  await page.getByLabel("Seeds", { exact: true }).fill("1, x");
  expect(await page.getByLabel("Seeds", { exact: true }).getAttribute("aria-invalid")).toBe("true");
  await page.getByLabel("Seeds", { exact: true }).fill("1, 2");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('.run-list [data-status="done"]').length === 4);
  expect(await page.locator(".compare-table tbody tr").count()).toBe(2);
  expect(await page.locator(".compare-table tbody").innerText()).toMatch(/± /);
  expect(await page.locator(".panel-curves .legend output").allInnerTexts()).toEqual([
    expect.stringMatching(/ ± /),
    expect.stringMatching(/ ± /),
  ]);
  expect(await page.locator(".difference-table").innerText()).toMatch(/sft[^]*cot2align/i);
  // One seed's columns: SFT has no plan and says so; pointing at the other's map names the pair.
  expect(await page.locator(".panel-plans section").count()).toBe(1);
  expect(await page.locator(".panel-plans").innerText()).toMatch(/Without such a plan: SFT/);
  await page.locator(".panel-plans .heatmap-map").press("ArrowDown");
  expect(await page.locator(".panel-plans .pair .token").count()).toBe(2);
  await page.getByLabel("Step", { exact: true }).fill("0");
  await page.locator(".panel-plans output", { hasText: "before training" }).waitFor();
  const answers = page.locator(".panel-compared-answers");
  expect(await answers.locator(".answer").count()).toBe(4);
  await answers.getByLabel("first method").check({ force: true });
  expect(await answers.locator("ins").allInnerTexts()).toEqual(["21"]);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy as LaTeX" }).click();
  await page.getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toMatch(/^\\begin\{tabular\}\{lr+\}[^]*\$\\pm\$/);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(await seriousFindings(page)).toEqual([]);
  await page.screenshot({ path: join(artifacts, `compare-${colorScheme}-${width}.png`), fullPage: true });
  expect(complaints).toEqual([]);
});

test("without a GPU it says why", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: "#/compare" });
  await page.getByText("Training needs WebGPU, and a device").waitFor();
  expect(await page.getByRole("button", { name: "Compare", exact: true }).isDisabled()).toBe(true);
});
