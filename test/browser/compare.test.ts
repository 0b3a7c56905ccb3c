// the Compare screen, with a scripted engine — plan
//   two methods on two seeds run one after another; the table has mean and deviation; curves and answers are there
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
  expect(await page.locator(".curves polyline").count()).toBe(4);
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
