// many steps a second (check A10) — plan
//   300 steps a second and more for six seconds: fewer than 200 commits of React, as React's own hook counts them on the
//   production build; the control: commits are counted at all, and every step arrived
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSite, stepOf, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site?.close());

/** What React's developer tools would put there: React tells it of every commit, in production builds too. */
const COUNT_COMMITS = `
  globalThis.commits = 0;
  globalThis.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
    renderers: new Map(),
    supportsFiber: true,
    inject: () => 1,
    checkDCE() {},
    onScheduleFiberRoot() {},
    onCommitFiberRoot() { globalThis.commits++; },
    onPostCommitFiberRoot() {},
    onCommitFiberUnmount() {},
  };`;

test("six seconds of up to 1000 steps a second: fewer than 200 commits", async () => {
  const { page, complaints } = await site.open({
    engine: { stepMs: 1 },
    before: COUNT_COMMITS,
    hash: "#/distill?v=1&steps=100000",
  });
  await page.locator('.standing[data-status="ready"]').waitFor();
  const commits = () => page.evaluate(() => Reflect.get(globalThis, "commits") as number);
  const atRest = await commits();
  expect(atRest).toBeGreaterThan(0); // the hook hears of commits
  await page.getByRole("button", { name: "Play", exact: true }).click();
  const from = await stepOf(page);
  const started = Date.now();
  await page.waitForTimeout(6000);
  const seconds = (Date.now() - started) / 1000;
  const made = (await commits()) - atRest;
  const perSecond = ((await stepOf(page)) - from) / seconds;
  console.info(`${perSecond.toFixed(0)} steps/s, ${made} commits in ${seconds.toFixed(1)} s`); // oxlint-disable-line no-console
  expect(made).toBeGreaterThan(5);
  expect(perSecond * seconds).toBeGreaterThan(2 * made); // steps, of which the page does not draw each
  expect((made * 6) / seconds).toBeLessThan(200);
  expect(complaints).toEqual([]);
});
