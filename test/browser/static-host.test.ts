// the build on a plain static host, under a sub-path — plan
//   sub-path   no file is asked for outside of it or missing; Transport by the models' states, the recorded run, Learn
//   offline    the host goes away after one visit: every route opens, and the lazy parts work (lab with both bundled
//              models, ONNX runtime, the GPU solver's chunk); no request leaves this machine
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ROUTES } from "../../src/views/routes";
import { distFolder, startSite, SWIFTSHADER, type Site } from "./support/browser";
import { serveStatic, type StaticHost } from "./support/static-host";

const AT = "/lab/couplet/";
let site: Site;
let host: StaticHost;
beforeAll(async () => {
  host = await serveStatic(distFolder, AT);
  site = await startSite(SWIFTSHADER);
});
afterEach(() => site.closePages());
afterAll(() => Promise.all([site?.close(), host?.close()]));
const url = () => `http://localhost:${host.port}${AT}`;

test("every part is found under the sub-path", async () => {
  const { page, complaints } = await site.open({ engine: "real", url: url(), hash: "#/transport?v=1" });
  await page.locator("#stage canvas").first().waitFor();
  await page.getByText(/explains \d+ % of the student's variance/).waitFor({ timeout: 100_000 });
  for (const route of ROUTES) {
    await page.evaluate((to) => (location.hash = `#/${to}`), route);
    await page.locator("main h2").first().waitFor();
  }
  expect(host.missing).toEqual([]);
  expect(complaints).toEqual([]);
});

test("the host is gone: the second visit has everything", async () => {
  const { page, complaints } = await site.open({
    engine: {},
    url: url(),
    hash: "#/transport?v=1&features=bytes",
  });
  // The page itself asks for all of it, a while after it was loaded, where there is a device to train on.
  const kept = () =>
    page.evaluate(async () => {
      const [name = ""] = (await caches.keys()).filter((key) => /^couplet-[0-9a-f]{16}$/.test(key));
      if (!name) return [];
      return (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname);
    });
  for (const part of [
    /couplet-teacher\/.*\.onnx$/,
    /couplet-student\/.*tokenizer\.json$/,
    /solver-gpu-.*\.js$/,
    /\.wasm$/,
  ])
    await expect
      .poll(async () => (await kept()).some((path) => part.test(path)), {
        timeout: 90_000,
        message: String(part),
      })
      .toBe(true);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await host.close();
  await page.goto("about:blank");
  await page.goto(`${url()}#/transport?v=1`);
  await page.getByText(/explains \d+ % of the student's variance/).waitFor({ timeout: 100_000 });
  await page.getByRole("radio", { name: "GPU", exact: true }).check({ force: true });
  await page.locator("[data-solved-by=gpu]").waitFor({ timeout: 100_000 });
  for (const route of ROUTES) {
    await page.evaluate((to) => (location.hash = `#/${to}`), route);
    await page.locator("main h2").first().waitFor();
  }
  expect(complaints).toEqual([]);
});
