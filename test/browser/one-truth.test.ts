// the screen does what it says, with a scripted engine — plan
//   the button that trains names what it will train when the form differs, and trains that; the strip says it too
//   a run under way is the second choice, and goes on when asked
//   pictures of both, light and dark, 1440 and 390 px
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
] as const)(
  "the form is trained, and a run under way goes on when asked, %s at %i px",
  async (colorScheme, width) => {
    const context = { colorScheme, viewport: { width, height: width === 390 ? 844 : 900 } };
    const { page, complaints } = await site.open({ engine: { stepMs: 20 }, context });
    const strip = page.locator(".run-strip");
    await page.getByText("step 0 / 1,500").waitFor();
    expect(await strip.innerText()).toMatch(
      /Couplet teacher → Couplet student · rows Couplet reasoning \(4,000 train, 600 held out\) · CoT2Align/,
    );
    await page.getByLabel("Student", { exact: true }).selectOption("couplet-gpt2");
    await page.getByLabel("Method", { exact: true }).selectOption("sft");
    expect(await strip.locator("mark").allInnerTexts()).toEqual(["Couplet GPT-2", "SFT"]);
    const start = page.getByRole("button", { name: "Start with Couplet GPT-2 · SFT" });
    expect(await seriousFindings(page)).toEqual([]);
    await page.screenshot({ path: join(artifacts, `truth-start-${colorScheme}-${width}.png`) });
    await start.click();
    await page.locator('.standing[data-status="running"]').waitFor();
    expect(await page.locator(".panel-losses").innerText()).not.toMatch(/OT embedding/); // of SFT, as the button said
    expect(await strip.locator("mark").count()).toBe(0);
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.locator('.standing[data-status="paused"]').waitFor();
    const step = Number(await page.locator(".standing").getAttribute("data-step"));
    await page.getByLabel("Seed", { exact: true }).fill("11");
    await page.getByRole("button", { name: "Restart with Seed 11" }).waitFor();
    expect(await page.getByRole("button", { name: "Step", exact: true }).isDisabled()).toBe(true);
    await page.screenshot({ path: join(artifacts, `truth-restart-${colorScheme}-${width}.png`) });
    await page.getByRole("button", { name: "One step of the loaded run" }).click();
    await page.locator(`.standing[data-step="${step + 1}"]`).waitFor();
    await page.getByRole("button", { name: "Restart with Seed 11" }).click();
    await page.locator('.standing[data-status="running"]').waitFor();
    await expect.poll(() => page.locator(".log").innerText()).toMatch(/loading\n[^]*ready\n[^]*running\n?$/);
    await page.getByLabel("Seed", { exact: true }).fill("12");
    await page.getByText("The settings have changed since.").waitFor();
    expect(await page.getByRole("button", { name: "Pause", exact: true }).count()).toBe(1);
    await page.getByRole("button", { name: "Back to its settings" }).click();
    expect(await page.getByLabel("Seed", { exact: true }).inputValue()).toBe("11");
    await page.getByLabel("Steps", { exact: true }).fill("-5");
    await page
      .getByText("A setting below is invalid")
      .waitFor({ state: "attached" })
      .catch(() => undefined);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
  },
);
