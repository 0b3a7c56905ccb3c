// faults of the page around a run, with the scripted engine — plan
//   one click        in a new visit replaces no kept run: both are in the list (F1)
//   tab closed       at any step, several times over: what comes back is whole (numbers to the step of the weights), and at
//                    most half a minute behind
//   leaving          asks while steps would be lost, and only then; a hidden page keeps its run at once
//   two tabs         the second says who has the run and takes it over; the first stops, says so, and can keep its own (F2)
//   flipped bits     in each file of what was kept last: named, not resumed, the one before is (F9, F16)
//   storage          cleared in mid-run: the run goes on and is kept again; full: said, the run goes on, the old one is whole
//   offline          in mid-run: it goes on
//   a step that never ends: Pause, then an end to it within 5 s, and the run is back where it was kept
//   loading that never ends: stopped within 5 s, nothing is loaded by itself, the next model is
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Page } from "playwright-core";
import { createRng } from "../../../src/config/rng";
import { startSite, stepOf, type ScriptedEngine, type Site } from "../../browser/support/browser";
import { keptMessages } from "../../../src/views/messages-kept";
import { flip, keptFiles, lossesOf } from "./support";

vi.setConfig({ testTimeout: 240_000 });

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const HASH = "#/distill?v=1&preset=sft&steps=2000&checkpoints.everySteps=5";

/** Another tab, or the next visit, of the same browser. */
async function tab(page: Page, engine: ScriptedEngine, hash = HASH): Promise<Page> {
  const next = await page.context().newPage();
  next.setDefaultTimeout(90_000);
  await scripted(next, engine);
  await next.goto(new URL(`/${hash}`, page.url()).href);
  return next;
}

async function scripted(page: Page, engine: ScriptedEngine): Promise<void> {
  const { readFileSync } = await import("node:fs");
  const { join } = await import("node:path");
  await page.addInitScript(`globalThis.scriptedEngine = ${JSON.stringify(engine)};`);
  const script = join(import.meta.dirname, "../../browser/support/scripted-engine.js");
  await page.addInitScript(readFileSync(script, "utf8"));
}

const status = (page: Page, name: string) => page.locator(`.standing[data-status="${name}"]`).waitFor();
const reaches = (page: Page, step: number) =>
  page.waitForFunction(
    (least) => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= least,
    step,
  );
const play = (page: Page) => page.getByRole("button", { name: "Play", exact: true }).click();

async function trainTo(page: Page, step: number): Promise<number> {
  await status(page, "ready");
  await play(page);
  await reaches(page, step);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await status(page, "paused");
  const at = await stepOf(page);
  await isKept(page, at);
  return at;
}
/** Written and named in the page: nothing of it would be lost. */
const isKept = (page: Page, step: number) => page.locator(`.standing[data-kept="${step}"]`).waitFor();
const keptCount = async (least: number) => {
  const root = await navigator.storage.getDirectory();
  const top = await root.getDirectoryHandle("couplet-runs", { create: true });
  let marks = 0;
  for await (const [, folder] of top.entries())
    if (folder instanceof FileSystemDirectoryHandle)
      for await (const [name] of folder.entries()) if (name.endsWith(".mark.json")) marks++;
  return marks >= least;
};
const offer = (page: Page) => page.locator(".notice[data-notice=session]");
const goOn = (page: Page) =>
  offer(page).getByRole("button", { name: keptMessages.resume, exact: true }).click();

test("one click in a new visit replaces nothing", async () => {
  const { page: first, complaints } = await site.open({ engine: { stepMs: 15 }, hash: HASH });
  const at = await trainTo(first, 33);
  const second = await tab(first, {});
  await first.close();
  await status(second, "ready");
  await offer(second).waitFor();
  await second.getByRole("button", { name: "Step", exact: true }).click();
  await status(second, "paused");
  await second.getByRole("link", { name: "Runs" }).click();
  await second.locator('.run-card[data-step="1"][data-where=here]').waitFor();
  const old = second.locator(`.run-card[data-step="${at}"]`);
  await old.getByRole("button", { name: keptMessages.resume, exact: true }).click();
  await status(second, "paused");
  expect(await stepOf(second)).toBe(at);
  expect(await lossesOf(second)).toHaveLength(at);
  await second.getByRole("link", { name: "Runs" }).click();
  await second.locator('.run-card[data-step="1"][data-where=nowhere]').waitFor();
  expect(complaints).toEqual([]);
});

test("a tab closed at any step comes back whole, and not far behind", async () => {
  const random = createRng(1212).next;
  let { page } = await site.open({ engine: { stepMs: 20 }, hash: HASH });
  await status(page, "ready");
  let before = 0;
  for (let visit = 0; visit < 4; visit++) {
    await play(page);
    await reaches(page, before + 12 + Math.floor(random() * 120));
    await page.waitForTimeout(random() * 100);
    const closedAt = await stepOf(page);
    const next = await tab(page, { stepMs: 20 });
    await page.close(); // no question, no time to write
    page = next;
    await status(page, "ready");
    await goOn(page);
    await status(page, "paused");
    const at = await stepOf(page);
    expect(at).toBeGreaterThan(before);
    expect(closedAt - at, `closed at ${closedAt}`).toBeLessThan(250); // 2 s between keeps, and a slow machine
    expect(await lossesOf(page)).toHaveLength(at); // one line a step: numbers as far as the weights, none beyond
    before = at;
  }
});

test("leaving asks while steps would be lost, and only then", async () => {
  const { page } = await site.open({
    engine: { stepMs: 30 },
    hash: HASH.replace("everySteps=5", "everySteps=0"),
  });
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  await status(page, "ready");
  await page.reload();
  await status(page, "ready");
  expect(asked).toEqual([]);
  await play(page);
  await reaches(page, 10);
  await page.reload();
  expect(asked).toEqual(["beforeunload"]);
  await trainTo(page, 10);
  await page.reload();
  expect(asked).toHaveLength(1);
});

test("a page that is hidden keeps its run as it stands", async () => {
  const { page } = await site.open({
    engine: { stepMs: 30 },
    hash: HASH.replace("everySteps=5", "everySteps=0"),
  });
  await status(page, "ready");
  await play(page);
  await reaches(page, 10);
  expect(await keptFiles(page)).toEqual([]);
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  });
  await page.waitForFunction(keptCount, 1, { timeout: 15_000 }); // it would be kept by itself after 25 s
  await status(page, "running");
});

test("two tabs: the second takes the run over, the first stops and can keep its own", async () => {
  const { page: first } = await site.open({ engine: { stepMs: 15 }, hash: HASH });
  const at = await trainTo(first, 20);
  await play(first);
  const second = await tab(first, { stepMs: 15 }, "#/runs");
  const card = second.locator(".run-card[data-where=elsewhere]");
  await card.getByRole("button", { name: "Take over" }).click();
  await status(second, "paused");
  const taken = await stepOf(second);
  expect(taken).toBeGreaterThanOrEqual(at);
  const notice = first.locator(".notice[data-notice=taken-run]");
  expect(await notice.innerText()).toMatch(/took this run over[^]*no longer saved/);
  await status(first, "paused");
  await notice.getByRole("button").click();
  await first.getByRole("link", { name: "Runs" }).click();
  await first.locator(".run-card[data-where=here]").waitFor();
  await first.locator(".run-card[data-where=elsewhere]").waitFor();
  await first.close(); // its lock goes with it
  await second.evaluate(() => (location.hash = "#/runs"));
  await second.locator(".run-card[data-where=nowhere]").waitFor();
});

test.each(["safetensors", "record.json", "mark.json"])("a flipped bit in the newest %s", async (kind) => {
  const random = createRng(kind.length).next;
  const { page: first } = await site.open({ engine: { stepMs: 15 }, hash: HASH });
  const at = await trainTo(first, 12);
  await play(first);
  await reaches(first, at + 10);
  await first.getByRole("button", { name: "Pause", exact: true }).click();
  await status(first, "paused");
  const later = await stepOf(first);
  await isKept(first, later);
  const newest = (await keptFiles(first))
    .filter(({ name }) => name.endsWith(kind))
    .toSorted((a, b) => Number.parseInt(b.name, 10) - Number.parseInt(a.name, 10))[0]!;
  await flip(first, newest, Math.floor(random() * newest.bytes), Math.floor(random() * 8));
  const second = await tab(first, {}, "#/runs");
  await first.close();
  await second.locator(".run-card").getByRole("button", { name: keptMessages.resume, exact: true }).click();
  if (kind !== "mark.json") {
    const notice = second.locator(".notice[data-notice=damaged-run]");
    expect(await notice.innerText()).toMatch(
      new RegExp(`step ${later} is damaged[^]*SHA-256 differs[^]*intact: resume from there`),
    );
    expect(await second.locator(".standing").count()).toBe(0); // still on Runs
  }
  await second.getByRole("button", { name: /Resume from step/ }).click();
  await status(second, "paused");
  const back = await stepOf(second);
  expect(back).toBeLessThan(later);
  expect(await lossesOf(second)).toHaveLength(back);
});

test("storage cleared in mid-run: it goes on, and is kept again", async () => {
  const { page, complaints } = await site.open({ engine: { stepMs: 15 }, hash: HASH });
  await trainTo(page, 12);
  const session = await page.context().newCDPSession(page);
  const origin = new URL(page.url()).origin;
  await vi.waitFor(
    async () => {
      await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "all" }); // again, if a write was under way
      expect(await keptFiles(page)).toEqual([]);
    },
    { timeout: 20_000, interval: 300 },
  );
  await play(page);
  await reaches(page, 40);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await status(page, "paused");
  await isKept(page, await stepOf(page));
  expect(await lossesOf(page)).toHaveLength(await stepOf(page));
  expect(complaints).toEqual([]);
});

test("storage full in mid-run: said, the run goes on, what was kept is whole", async () => {
  const { page } = await site.open({ engine: { stepMs: 15 }, hash: HASH });
  const at = await trainTo(page, 12);
  const session = await page.context().newCDPSession(page);
  const { origin } = new URL(page.url());
  const { usage } = await session.send("Storage.getUsageAndQuota", { origin });
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage });
  await play(page);
  const notice = page.locator(".notice[data-keep=full]");
  await notice.waitFor();
  expect(await notice.innerText()).toMatch(/storage for this page is full[^]*The run itself continues/);
  const then = await stepOf(page);
  await reaches(page, then + 20);
  await session.send("Storage.overrideQuotaForOrigin", { origin });
  const next = await tab(page, {});
  await page.close();
  await status(next, "ready");
  await goOn(next);
  await status(next, "paused");
  expect(await stepOf(next)).toBeGreaterThanOrEqual(at);
  expect(await lossesOf(next)).toHaveLength(await stepOf(next));
});

test("offline in mid-run: it goes on", async () => {
  const { page } = await site.open({ engine: { stepMs: 15 }, hash: HASH });
  await status(page, "ready");
  await play(page);
  await reaches(page, 5);
  await page.context().setOffline(true);
  const at = await stepOf(page);
  await reaches(page, at + 20);
  expect(await page.locator(".notice:not(.notice-info):not([data-notice])").count()).toBe(0);
});

test("a step that never ends can be ended, and the run is back where it was kept", async () => {
  const { page } = await site.open({ engine: { stepMs: 10, hangAt: 400 }, hash: HASH });
  const at = await trainTo(page, 12);
  await play(page);
  await page.locator('.standing[data-step="399"]').waitFor(); // the last step that is done: the next one hangs
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  const asked = Date.now();
  await page.getByRole("button", { name: "Stop the engine" }).click();
  expect(Date.now() - asked).toBeLessThan(7000); // offered after 4 s
  await status(page, "paused");
  expect(await stepOf(page)).toBeGreaterThanOrEqual(at);
  expect(await lossesOf(page)).toHaveLength(await stepOf(page));
  await play(page);
  await reaches(page, 60);
});

test("loading that never ends is stopped, nothing loads by itself, the next model does", async () => {
  const hash = "#/distill?v=1&preset=sft&student=couplet-gpt2";
  const { page } = await site.open({ engine: { hangOn: "couplet-gpt2" }, hash });
  await status(page, "loading");
  const asked = Date.now();
  await page.getByRole("button", { name: "Stop loading" }).click();
  const notice = page.locator(".notice[data-code=stopped]");
  expect(await notice.innerText()).toMatch(/Loading was stopped[^]*Start again/);
  expect(Date.now() - asked).toBeLessThan(5000);
  await page.waitForTimeout(1500);
  await status(page, "failed");
  await page.getByLabel("Student", { exact: true }).selectOption({ label: "Couplet student, 0.20 M" });
  await page.getByRole("button", { name: /^Start with/ }).click();
  await reaches(page, 3);
});
