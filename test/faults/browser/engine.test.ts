// faults of the engine, on the real one (SwiftShader) — plan
//   the worker ends    without a word in mid-run: noticed within 5 s, started again, and the run ends with the same losses as
//                      one that was left alone, every step once
//   the GPU is lost    its process is killed: the run goes on; killed again, when the browser bars the page from the GPU: said
//                      as what it is (not "no WebGPU"), with the step that is kept; Try again leaves the page whole, and a reload goes on
//   a stranger's tokenizer that never ends: loading is stopped within 5 s, and the next model loads
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { Page } from "playwright-core";
import { startSite, stepOf, SWIFTSHADER, type Site } from "../../browser/support/browser";
import { keptMessages } from "../../../src/views/messages-kept";
import { lossesOf, storedModel } from "./support";

vi.setConfig({ testTimeout: 240_000 }); // two or three loadings on a software adapter

let site: Site;
beforeAll(async () => {
  site = await startSite(SWIFTSHADER);
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const SMALL =
  "batchSize=2&steps=12&data.maxLength=64&data.maxPrompt=32&evaluation.everySteps=0&evaluation.rows=0&probe.everySteps=12&checkpoints.everySteps=3";
const HASH = `#/distill?v=1&preset=sft&${SMALL}`;

/** The first worker that trains can be told to end itself. */
const MORTAL = `
  const RealWorker = globalThis.Worker;
  globalThis.Worker = function (url, options) {
    if (!/\\/worker-/.test(String(url))) return new RealWorker(url, options);
    const code = \`
      const early = [];
      const keep = (event) => early.push(event.data);
      addEventListener("message", keep);
      addEventListener("message", ({ data }) => data.type === "die" && self.close());
      import(\${JSON.stringify(String(url))}).then(() => {
        removeEventListener("message", keep);
        for (const data of early) dispatchEvent(new MessageEvent("message", { data }));
      });\`;
    const blob = new Blob([code], { type: "text/javascript" });
    return (globalThis.engineWorker = new RealWorker(URL.createObjectURL(blob), options));
  };`;

const status = (page: Page, name: string) => page.locator(`.standing[data-status="${name}"]`).waitFor();
const reaches = (page: Page, step: number) =>
  page.waitForFunction(
    (least) => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= least,
    step,
  );
const play = (page: Page) => page.getByRole("button", { name: "Play", exact: true }).click();

test("a worker that ends without a word is noticed, and the run goes on with the same losses", async () => {
  const { page, complaints } = await site.open({ engine: "real", before: MORTAL, hash: HASH });
  page.setDefaultTimeout(110_000);
  await status(page, "ready");
  await play(page);
  await reaches(page, 5);
  const died = Date.now();
  await page.evaluate(() => (Reflect.get(globalThis, "engineWorker") as Worker).postMessage({ type: "die" }));
  await page.getByText(/the engine stopped/).waitFor({ state: "attached" });
  expect(Date.now() - died).toBeLessThan(5000);
  await status(page, "finished");
  expect(await stepOf(page)).toBe(12);
  const losses = await lossesOf(page);
  expect(losses).toHaveLength(12);
  await page.getByRole("button", { name: "Reset" }).click(); // the same run, and nothing happens to it
  await status(page, "ready");
  await play(page);
  await status(page, "finished");
  expect(await lossesOf(page)).toEqual(losses);
  expect(await page.locator(".notice:not(.notice-info)").count()).toBe(0);
  expect(complaints).toEqual([]);
});

async function killGpu(page: Page): Promise<void> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const gpu = processInfo.find(({ type }) => type === "GPU");
  if (!gpu) throw new Error("The browser has no GPU process.");
  process.kill(gpu.id, "SIGKILL");
  await session.detach();
}

test("a GPU process killed twice: the run goes on once, then the page says what happened and keeps it", async () => {
  const { page } = await site.open({ engine: "real", hash: HASH.replace("steps=12", "steps=40") });
  page.setDefaultTimeout(110_000);
  await status(page, "ready");
  await play(page);
  await reaches(page, 4);
  await killGpu(page);
  await page.getByText(/device lost; opening it again/).waitFor({ state: "attached" });
  await reaches(page, 8);
  await killGpu(page);
  const notice = page.locator(".notice[data-reason=lost-gpu]");
  await notice.waitFor();
  const said = await notice.innerText();
  expect(said).toMatch(/GPU was lost more than once[^]*saved at step \d+/);
  expect(await page.getByText(/Training needs WebGPU/).count()).toBe(0);
  const kept = Number(/saved at step (\d+)/.exec(said)?.[1]);
  expect(kept).toBeGreaterThanOrEqual(6);
  await notice.getByRole("button", { name: "Try again now" }).click(); // in vain or not: the page stays whole
  await page.waitForTimeout(3000);
  await page.reload();
  const offer = page.locator(".notice[data-notice=session]");
  await offer.getByRole("button", { name: keptMessages.resume, exact: true }).click();
  await status(page, "paused");
  expect(await stepOf(page)).toBe(kept);
  expect(await lossesOf(page)).toHaveLength(kept);
});

test("a tokenizer that never ends: loading is stopped within 5 s, and the next model loads", async () => {
  const { page } = await site.open({ engine: {}, hash: "#/device" });
  const key = await storedModel(page, "evil", (tokenizer) => ({
    ...tokenizer,
    pre_tokenizer: {
      type: "Split",
      pattern: { Regex: "([A-Za-z ]+)+#" },
      behavior: "Isolated",
      invert: false,
    },
  }));
  const real = await page.context().newPage();
  real.setDefaultTimeout(110_000);
  await real.goto(new URL(`/${HASH}&student=${encodeURIComponent(key)}`, page.url()).href);
  await real.locator("[data-silence]").waitFor(); // it hangs, and the page says that nothing answers
  const asked = Date.now();
  await real.getByRole("button", { name: "Stop loading" }).click();
  const notice = real.locator(".notice[data-code=stopped]");
  await notice.waitFor();
  expect(Date.now() - asked).toBeLessThan(5000);
  await status(real, "failed");
  await real.waitForTimeout(4000);
  await status(real, "failed"); // it does not load the same again by itself
  await real.getByLabel("Student", { exact: true }).selectOption({ label: "Couplet student, 0.20 M" });
  await real.getByRole("button", { name: /^Start with/ }).click();
  await real.waitForFunction(
    () => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= 1,
  );
});
