// why there is no WebGPU, or less of it (check A2) — plan
//   five banners   navigator.gpu deleted, an insecure origin, a null adapter, no shader-f16, low limits: each with its own
//                  reason, cause and remedy, on real Chromium; low limits say which limit and which models still fit
//   usable         in each of them the recorded run's ε solves, Transport solves, Learn opens
//   put away       a note that was put away stays away
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { artifacts, beforeWorkers, distFolder, startSite, SWIFTSHADER, type Site } from "./support/browser";
import { serveStatic, type StaticHost } from "./support/static-host";

const INSECURE = "couplet.test";
let bare: Site;
let software: Site;
let host: StaticHost;
beforeAll(async () => {
  host = await serveStatic(distFolder);
  bare = await startSite([`--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`]);
  software = await startSite(SWIFTSHADER);
});
afterEach(() => Promise.all([bare.closePages(), software.closePages()]));
afterAll(() => Promise.all([bare?.close(), software?.close(), host?.close()]));

/** The page is of use: the recorded plan, a solve of its own, the transport screen, the lessons. */
async function expectUsable(page: Page): Promise<void> {
  await page.evaluate(() => (location.hash = "#/distill"));
  const readouts = () => page.locator(".readouts").innerText();
  const before = await readouts();
  await page.getByRole("slider", { name: /^Epsilon/ }).fill("0.5");
  await page.waitForFunction(
    (text) => document.querySelector<HTMLElement>(".readouts")?.innerText !== text,
    before,
  );
  await page.evaluate(() => (location.hash = "#/transport?v=1&features=bytes"));
  await page.locator("#stage canvas").first().waitFor();
  await expect.poll(() => page.locator(".badge").first().innerText()).toMatch(/✓ converged/);
  await page.evaluate(() => (location.hash = "#/learn"));
  await page.getByText("Eleven short lessons").waitFor();
}

const banner = (page: Page, reason: string) => page.locator(`.notice[data-reason=${reason}]`);
const DISTILL = "#/distill";

describe("no WebGPU", () => {
  test("navigator.gpu deleted: this browser has none, which version has it", async () => {
    const { page, complaints } = await bare.open({ engine: "without WebGPU", hash: DISTILL });
    await banner(page, "no-webgpu").waitFor();
    expect(await banner(page, "no-webgpu").innerText()).toMatch(/does not offer WebGPU[^]*113 or later/);
    await expectUsable(page);
    expect(complaints).toEqual([]);
  });
  test("an insecure origin: told apart from a missing GPU, with https as the remedy", async () => {
    const url = `http://${INSECURE}:${host.port}/`;
    const { page, complaints } = await bare.open({ engine: "real", url, hash: DISTILL });
    expect(await page.evaluate(() => isSecureContext)).toBe(false);
    await banner(page, "insecure-context").waitFor();
    expect(await banner(page, "insecure-context").innerText()).toMatch(/secure connection[^]*https:\/\//);
    await expectUsable(page);
    expect(complaints).toEqual([]);
  });
  test("a null adapter: WebGPU is there, a GPU is not, and where to look", async () => {
    const { page, complaints } = await bare.open({ engine: "real", hash: DISTILL });
    await banner(page, "no-adapter").waitFor();
    expect(await banner(page, "no-adapter").innerText()).toMatch(
      /found no graphics adapter[^]*chrome:\/\/gpu/,
    );
    await expectUsable(page);
    expect(complaints).toEqual([]);
  });
});

/** The adapter says that it has little; the device is what it is. */
const LITTLE = beforeWorkers(`
  const real = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "limits").get;
  Object.defineProperty(GPUAdapter.prototype, "limits", {
    get() {
      const limits = {};
      const all = real.call(this);
      for (const name in all) limits[name] = all[name];
      return { ...limits, maxStorageBufferBindingSize: 120 * 2 ** 20 };
    },
  });`);

describe("WebGPU with something missing", () => {
  test("no shader-f16: nothing is lost but what is named", async () => {
    const { page, complaints } = await software.open({ engine: "real", hash: DISTILL });
    const note = banner(page, "no-f16");
    await note.locator("summary").click();
    expect(await note.innerText()).toMatch(/shader-f16[^]*32 bits[^]*results are the same[^]*fp16 or q4f16/);
    expect(await banner(page, "low-limits").count()).toBe(0);
    await page.screenshot({ path: join(artifacts, "no-f16.png") });
    await expectUsable(page);
    expect(complaints).toEqual([]);
  });
  test("low limits: which limit, which models still fit; put away for good", async () => {
    const { page } = await software.open({ engine: "real", before: LITTLE, hash: DISTILL });
    const note = banner(page, "low-limits");
    await note.locator("summary").click();
    const said = await note.innerText();
    expect(said).toMatch(/maxStorageBufferBindingSize is 120\.0 MB; 128\.0 MB is needed/);
    expect(said).toMatch(/These fit: the bundled students, SmolLM2-135M\. Too large: GPT-2, TinyLlama-1\.1B/);
    await expectUsable(page);
    await page.evaluate((hash) => (location.hash = hash), DISTILL);
    await note.locator("summary").click();
    await note.getByRole("button").click();
    expect(await note.count()).toBe(0);
    await page.reload();
    await banner(page, "no-f16").waitFor();
    expect(await note.count()).toBe(0);
  });
});
