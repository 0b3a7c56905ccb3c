// a lost device, with the real engine on SwiftShader — plan
//   device.destroy() in mid-run: the device is opened again, the run goes on from its last checkpoint and finishes,
//   and the curve has every step once; no notice is left, nothing is complained about
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSite, stepOf, SWIFTSHADER, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite(SWIFTSHADER);
});
afterAll(() => site?.close());

/** Hands the engine worker's device to the test: a message destroys it. */
const REACH_DEVICE = `
  const RealWorker = globalThis.Worker;
  globalThis.Worker = function (url, options) {
    if (!/\\/worker-/.test(String(url))) return new RealWorker(url, options);
    const code = \`
      const real = GPUAdapter.prototype.requestDevice;
      GPUAdapter.prototype.requestDevice = async function (...args) {
        return (globalThis.lastDevice = await real.apply(this, args));
      };
      const early = [];
      const keep = (event) => early.push(event.data);
      addEventListener("message", keep);
      addEventListener("message", ({ data }) => data.type === "destroy-device" && globalThis.lastDevice.destroy());
      import(\${JSON.stringify(String(url))}).then(() => {
        removeEventListener("message", keep);
        for (const data of early) dispatchEvent(new MessageEvent("message", { data }));
      });\`;
    const blob = new Blob([code], { type: "text/javascript" });
    return (globalThis.engineWorker = new RealWorker(URL.createObjectURL(blob), options));
  };`;

const SMALL =
  "batchSize=2&steps=8&evaluation.everySteps=0&evaluation.rows=0&probe.everySteps=8&checkpoints.everySteps=2";

test("a run goes on after its device was lost", async () => {
  const { page, complaints } = await site.open({
    engine: "real",
    before: REACH_DEVICE,
    hash: `#/distill?v=1&${SMALL}`,
  });
  page.setDefaultTimeout(110_000);
  await page.locator('.standing[data-status="ready"]').waitFor();
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await page.waitForFunction(
    () => Number(document.querySelector<HTMLElement>(".standing")?.dataset["step"]) >= 3,
  );
  await page.evaluate(() => {
    const worker = Reflect.get(globalThis, "engineWorker") as Worker;
    worker.postMessage({ type: "destroy-device" });
  });
  await page.locator('.standing[data-status="finished"]').waitFor();
  expect(await stepOf(page)).toBe(8);
  expect(await page.locator(".panel-losses .chart").getAttribute("aria-label")).toMatch(/8 steps/);
  expect(await page.locator(".notice:not(.notice-info)").count()).toBe(0);
  expect(complaints).toEqual([]);
});
