// the Compare screen, with a scripted engine — plan
//   two methods on two seeds run one after another; the table has mean and deviation; curves with bands
//   plans, answers with the words that differ, and settings, in columns locked to one seed and step
//   the run of Distill, its settings and its address stay as they are; a run that trains is not paused unasked
//   with real engines: the comparison's own device beside that of Distill, whose run goes on with the same weights
//   results survive a tick and a reload, and a comparison is not offered as the last run
//   a seed that is none is marked; without a GPU the button says why; axe, light and dark, 1440 and 390 px
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { overflow, seriousFindings } from "./support/axe";
import { twoMethods } from "./support/compare";
import { artifacts, startSite, SWIFTSHADER, type Site } from "./support/browser";

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
  await page.getByText("SFT").first().waitFor();
  expect(await page.getByLabel("Labels").inputValue()).toBe("noisy 0.5"); // opens where a teacher matters
  await twoMethods(page);
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
  expect(await page.locator(".panel-plans").innerText()).toMatch(/No transport plan: SFT/);
  await page.locator(".panel-plans .stage").press("ArrowDown");
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
  expect(copied).toMatch(/\\begin\{tabular\}\{lr+\}[^]*\$\\pm\$/);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(await seriousFindings(page)).toEqual([]);
  await page.screenshot({ path: join(artifacts, `compare-${colorScheme}-${width}.png`), fullPage: true });
  expect(complaints).toEqual([]);
});

test("without a GPU it says why", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: "#/compare" });
  await page.getByText("This browser has no WebGPU").waitFor();
  expect(await page.getByRole("button", { name: "Compare", exact: true }).isDisabled()).toBe(true);
});

test("the run of Distill is left alone, a run that trains is asked about, results outlive tick and reload", async () => {
  const { page, complaints } = await site.open({
    engine: { stepMs: 20 },
    hash: "#/distill?v=1&seed=11&steps=77",
  });
  await page.getByRole("button", { name: "Step", exact: true }).click();
  await page.locator('.standing[data-status="paused"][data-step="1"]').waitFor();
  const address = page.url();
  const standing = await page.locator(".standing").innerText();
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  await twoMethods(page);
  await page.getByLabel("Steps", { exact: true }).fill("6");
  await page.getByLabel("Seeds", { exact: true }).fill("1");
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('.run-list [data-status="done"]').length === 2);
  await page.getByRole("link", { name: "Distill", exact: true }).click();
  expect(await page.locator(".standing").innerText()).toBe(standing); // step 1 / 77, paused
  expect(await page.getByLabel("Seed", { exact: true }).inputValue()).toBe("11");
  await expect.poll(() => page.url()).toBe(address);
  // A tick adds what waits, a reload brings all back.
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await page.locator('.standing[data-status="running"]').waitFor();
  await page.getByRole("link", { name: "Compare", exact: true }).click();
  await page.getByLabel("ULD: sorted probabilities").check();
  const lines = () =>
    page.locator(".run-list li").evaluateAll((all) => all.map((li) => (li as HTMLElement).dataset["status"]));
  expect(await lines()).toEqual(["done", "done", "waiting"]);
  await page.getByRole("button", { name: "Run the remaining one" }).click();
  await page.getByText("Your run on Distill is training").waitFor();
  expect(await lines()).toEqual(["done", "done", "waiting"]);
  await page.getByRole("button", { name: "Let it train" }).click();
  await page.getByRole("button", { name: "Run the remaining one" }).click();
  await page.getByRole("button", { name: "Pause it and compare" }).click();
  await page.waitForFunction(() => document.querySelectorAll('.run-list [data-status="done"]').length === 3);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('.run-list [data-status="done"]').length === 3);
  expect(await page.locator(".compare-table tbody tr").count()).toBe(3);
  await page.getByRole("link", { name: "Distill", exact: true }).click();
  // What is offered to go on with, if anything, is the run of Distill and none of the comparison's six steps.
  for (const notice of await page.locator('[data-notice="session"]').allInnerTexts())
    expect(notice).toMatch(/ of 77|\/ 77/);
  expect(complaints).toEqual([]);
});

test("with real engines, the run of Distill stands where it stood, and goes on", async () => {
  const software = await startSite(SWIFTSHADER);
  try {
    const hash =
      "#/distill?v=1&steps=3&batchSize=1&evaluation.everySteps=0&evaluation.rows=0&data.maxLength=48&data.maxPrompt=24&data.rows=8";
    const { page, complaints } = await software.open({ engine: "real", hash });
    page.setDefaultTimeout(240_000);
    await page.locator('.standing[data-status="ready"]').waitFor();
    await page.getByRole("button", { name: "Step", exact: true }).click();
    await page.locator('.standing[data-status="paused"][data-step="1"]').waitFor();
    await page.getByRole("link", { name: "Compare", exact: true }).click();
    await twoMethods(page);
    const values = { Steps: "1", Batch: "1", Seeds: "5", "Held-out rows": "2" };
    for (const [name, value] of Object.entries(values))
      await page.getByLabel(name, { exact: true }).fill(value);
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await page.waitForFunction(
      () => document.querySelectorAll('.run-list [data-status="done"]').length === 2,
    );
    expect(await page.locator(".compare-table tbody").innerText()).toMatch(/\t2\t/); // of two rows each
    await page.getByRole("link", { name: "Distill", exact: true }).click();
    expect(await page.locator(".standing").getAttribute("data-step")).toBe("1");
    await page.getByRole("button", { name: "Step", exact: true }).click();
    await page.locator('.standing[data-step="2"]').waitFor();
    expect(await page.locator(".notice-bad").count()).toBe(0);
    expect(complaints).toEqual([]);
  } finally {
    await software.close();
  }
});
