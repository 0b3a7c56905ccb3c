// what Distill tells about a run, with a scripted engine — plan
//   plans      a method with crossed views offers every site that it has, and shows the chosen one at any stored step
//   manifest   saved with versions and hashes; opened again it gives the settings back
//   estimate   before the first step by trial steps, warm-up named; while it runs by the run's own steps
//   profiler   on demand: stages with numbers that fill the bar, kernels, CSV
//   answers    the student's before and now, with the tokens that differ
//   log        says what happened, with the step
//   reading    axe, light and dark, 1440 and 390 px, with all of it on the screen
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, planColors, showLiveRun, type Site, startSite } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

test("plans of every site that the method has", async () => {
  const { page, complaints } = await site.open({ engine: { stepMs: 4 } });
  await page.getByLabel("Preset").selectOption("cot2align");
  await page.getByRole("button", { name: "Apply" }).click();
  await showLiveRun(page);
  const pairings = page.getByRole("radiogroup", { name: /^Views of the row/ });
  await pairings.waitFor();
  expect(await pairings.getByRole("radio").count()).toBe(2); // the scripted run has no CoT × plain at this layer
  await page.getByRole("radio", { name: "Last hidden" }).check({ force: true });
  await pairings.getByLabel("CoT × plain").check({ force: true });
  expect(await planColors(page)).toBeGreaterThan(20);
  // Embedding has no such pair: its own comes instead, and the choice says so.
  await page.getByRole("radio", { name: "Embedding" }).check({ force: true });
  expect(await pairings.getByLabel("Same view").isChecked()).toBe(true);
  await pairings.getByLabel("Plain × CoT").check({ force: true });
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(
    () => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= 20,
  );
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("slider", { name: "Plan" }).fill("0");
  await page.locator(".scrubber output", { hasText: "before training" }).waitFor();
  expect(complaints).toEqual([]);
});

test("a manifest is saved, and opened again gives the same settings", async () => {
  const { page } = await site.open({ engine: { stepMs: 4 }, hash: "#/distill?v=1&seed=99&steps=12" });
  await page.getByText("step 0 / 12").waitFor();
  await page.getByText("Save…").click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: /^Manifest/ }).click(),
  ]);
  const manifest = JSON.parse(readFileSync(await file.path(), "utf8")) as {
    versions: Record<string, string>;
    files: Record<string, string>;
    configHash: string;
  };
  expect(manifest.versions["couplet"]).toMatch(/^\d+\.\d+/);
  expect(Object.values(manifest.files)).toHaveLength(4);
  for (const hash of [...Object.values(manifest.files), manifest.configHash])
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
  await page.getByLabel("Preset").selectOption("sft");
  await page.getByRole("button", { name: "Run config as JSON…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("input[type=file]").setInputFiles(await file.path());
  await page.waitForFunction(() => document.querySelector("dialog textarea")?.textContent !== "");
  await dialog.getByRole("button", { name: "Use this config" }).click();
  await dialog.waitFor({ state: "hidden" });
  await expect.poll(() => page.getByLabel("Seed").inputValue()).toBe("99");
  expect(await page.getByLabel("Method", { exact: true }).inputValue()).toBe("cot2align");
});

test.each([
  ["light", 1440],
  ["dark", 390],
] as const)("estimate, profiler and log, %s at %i px", async (colorScheme, width) => {
  const context = { colorScheme, viewport: { width, height: 900 } };
  const { page, complaints } = await site.open({ engine: { stepMs: 4 }, context });
  const estimate = page.locator(".estimate");
  await estimate.getByRole("button", { name: /^Estimate/ }).click();
  await estimate.getByText("40.0 ms a step").waitFor();
  expect(await estimate.innerText()).toMatch(/median of 3 trial steps, since undone.*812 ms, compiling/);
  await page.getByRole("button", { name: "Profile the next step" }).click();
  const profiler = page.locator(".panel-profiler");
  await profiler.getByText("student forward and loss").waitFor();
  expect(await profiler.locator("table").first().innerText()).toMatch(/transport.*3\.10 ms.*20\.9 %/);
  const widths = await profiler
    .locator(".stage-bar span")
    .evaluateAll((nodes) => nodes.map((node) => Number.parseFloat((node as HTMLElement).style.width)));
  expect(widths.reduce((a, b) => a + b)).toBeCloseTo(100, 3);
  await profiler.getByText("By kernel (3)").click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    profiler.getByRole("button", { name: "Save as CSV" }).click(),
  ]);
  const rows = readFileSync(await file.path(), "utf8")
    .trim()
    .split("\n");
  expect(rows).toContain("stage,backward,7.3,,,,");
  expect(rows.filter((row) => row.startsWith("kernel,"))).toHaveLength(3);
  await page.getByRole("button", { name: "Play" }).click();
  await showLiveRun(page);
  await estimate.getByText(/median of this run's last 20 steps/).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  // Token by token: of 13 for 12 the last digit alone is new.
  const answers = page.locator(".panel-answers");
  await answers
    .getByText(/6 tokens changed/)
    .first()
    .waitFor();
  expect((await answers.locator("ins").allInnerTexts()).slice(0, 2)).toEqual(["3", "3"]);
  await expect.poll(() => page.locator(".log").innerText()).toMatch(/ready\nrunning[^]*paused at step \d+$/);
  expect(await overflow(page)).toBeLessThanOrEqual(0);
  expect(await seriousFindings(page)).toEqual([]);
  await page.screenshot({ path: join(artifacts, `distill-${colorScheme}-${width}.png`), fullPage: true });
  expect(complaints).toEqual([]);
});
