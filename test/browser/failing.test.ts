// failing well — plan
//   storage denied   everywhere (local storage, private files, caches): the run loads and plays; why it is not kept, and what to do
//   quota            a full disk when the run is kept: the same, with another remedy; the run goes on
//   offline          a model's file cannot be fetched: named, and Start again works when the network is back
//   lost for good    three lost devices in two minutes: stopped and explained (scripted)
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { beforeWorkers, startSite, SWIFTSHADER, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite(SWIFTSHADER);
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const SMALL =
  "#/distill?v=1&batchSize=2&steps=3&evaluation.everySteps=0&evaluation.rows=0&probe.everySteps=8&probe.gradientRatio=false";
const DENIED = `
  const denied = () => { throw new DOMException("denied", "SecurityError"); };
  for (const name of ["localStorage", "caches"])
    if (name in globalThis) Object.defineProperty(globalThis, name, { get: denied, configurable: true });
  StorageManager.prototype.getDirectory = async () => denied();`;
const FULL = `
  FileSystemFileHandle.prototype.createWritable = async () => {
    throw new DOMException("full", "QuotaExceededError");
  };`;

test.each([
  [
    "denied",
    `${DENIED}${beforeWorkers(DENIED)}`,
    /keeps no files[^]*private window[^]*The run itself continues/,
  ],
  ["full", FULL, /storage for this page is full[^]*Delete models[^]*The run itself continues/],
])(
  "storage %s: the run plays, and why it is not kept is said with its remedy",
  async (reason, before, said) => {
    const { page, complaints } = await site.open({ engine: "real", before, hash: SMALL });
    page.setDefaultTimeout(110_000);
    await page.locator('.standing[data-status="ready"]').waitFor();
    await page.getByRole("button", { name: "Play", exact: true }).click();
    await page.locator('.standing[data-status="finished"]').waitFor();
    const notice = page.locator(`.notice[data-keep=${reason}]`);
    expect(await notice.innerText()).toMatch(said);
    await notice.getByRole("button").click();
    expect(await notice.count()).toBe(0);
    expect(complaints).toEqual([]);
  },
);

test("offline before the models came: named, and it goes on when the network is back", async () => {
  const { page } = await site.open({ engine: {}, hash: "#/device" });
  await page.context().route(/reasoning-train/, (route) => route.abort("internetdisconnected"));
  const real = await page.context().newPage();
  real.setDefaultTimeout(110_000);
  await real.goto(new URL("/#/distill", page.url()).href);
  const notice = real.locator(".notice[data-code=offline]");
  expect(await notice.innerText()).toMatch(
    /could not be fetched[^]*You are offline[^]*Check your connection/,
  );
  await page.context().unroute(/reasoning-train/);
  await notice.getByRole("button", { name: "Start again" }).click();
  await real.locator('.standing[data-status="ready"]').waitFor();
  expect(await notice.count()).toBe(0);
});

test("three lost devices in two minutes: stopped, and explained", async () => {
  const { page } = await site.open({ engine: { stepMs: 10, loseAt: 5 } });
  await page.getByRole("button", { name: "Play", exact: true }).click();
  const notice = page.locator(".notice[data-code=device-lost-again]");
  await notice.waitFor();
  expect(await notice.innerText()).toMatch(
    /lost 3 times in two minutes[^]*Close other tabs[^]*last checkpoint/,
  );
  await page.waitForTimeout(500);
  expect(await page.locator(".standing").getAttribute("data-status")).toBe("failed"); // it does not try on
});
