// lessons, the Device page, embedded figures and the second visit — plan
//   lessons      every step of all ten, walked by its own links: its target is there and framed; a prediction reveals
//                its reason; a finished lesson is ticked; nothing is complained about
//   device       adapter or reason, the report; axe
//   embed        in an iframe of another page: says its state and height, takes a new one; replay needs no engine
//   offline      a reload without a network, after one visit
//   reading      axe on every route, light and dark, 1440 and 390 px, nothing cut off
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LESSONS } from "../../src/config/lessons";
import { overflow, seriousFindings } from "./support/axe";
import { startSite, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

test("every step of every lesson shows what it points at", async () => {
  const { page, complaints } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: "#/learn" });
  await page.locator(".lesson-list a").first().click();
  for (const lesson of LESSONS) {
    for (const [i, step] of lesson.steps.entries()) {
      await page.getByText(step.text.slice(0, 40)).first().waitFor();
      if (step.target) await page.locator(`.lesson-screen ${step.target}[data-framed]`).waitFor();
      if (step.question) {
        await page.locator(".predict input").nth(step.question.answer).check();
        expect(await page.locator(".predict [role=status]").innerText()).toContain("As you said.");
      }
      if (i < lesson.steps.length - 1) await page.getByRole("link", { name: "Next →" }).click();
    }
    const last = lesson === LESSONS.at(-1);
    await page.getByRole("link", { name: last ? "Back to the list" : "Next lesson →" }).click();
  }
  expect(await page.getByText("done ✓").count()).toBe(10);
  expect(complaints).toEqual([]);
});

test("the Device page says why there is no GPU, and what still works", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-adapter" }, hash: "#/device" });
  await page.locator(".panel-adapter").getByText("no graphics adapter that it may use").waitFor();
  expect(await page.locator(".panel-report pre").innerText()).toMatch(/"reason": "no-adapter"/);
  expect(await page.getByRole("button", { name: /Measure/ }).isDisabled()).toBe(true);
});

test("an embedded figure says its state and takes another", async () => {
  const { page, complaints } = await site.open({ engine: {}, hash: "#/device" });
  const heard = await page.evaluate(async () => {
    const frame = document.createElement("iframe");
    frame.src = "./#/embed/transport/sweeps?v=1&features=bytes";
    frame.style.cssText = "position:fixed;inset:0;width:900px;height:800px";
    const states: { link: string; transportCost: number; height?: number }[] = [];
    const next = (type: string) =>
      new Promise<Record<string, unknown>>((resolve) => {
        const hear = ({ data }: MessageEvent<Record<string, unknown>>) => {
          if (
            data["couplet"] !== 1 ||
            data["type"] !== type ||
            (type === "state" && data["transportCost"] === undefined)
          )
            return;
          removeEventListener("message", hear);
          resolve(data);
        };
        addEventListener("message", hear);
      });
    let height = 0;
    addEventListener("message", ({ data }: MessageEvent<Record<string, unknown>>) => {
      if (data["type"] === "height") height = Number(data["height"]);
    });
    const first = next("state");
    document.body.append(frame);
    states.push((await first) as never);
    const second = next("state");
    frame.contentWindow?.postMessage({ couplet: 1, type: "set", link: "v=1&features=bytes&epsilon=1" }, "*");
    await second;
    const third = next("state");
    setTimeout(() => frame.contentWindow?.postMessage({ couplet: 1, type: "get" }, "*"), 1500);
    states.push({ ...((await third) as never as (typeof states)[0]), height });
    return states;
  });
  expect(heard[1]?.height).toBeGreaterThan(200);
  expect(heard[1]?.link).toBe("v=1&features=bytes&epsilon=1");
  expect(heard[1]?.transportCost).toBeGreaterThan(heard[0]?.transportCost ?? Infinity); // blurrier is dearer
  const inside = page.frameLocator("iframe");
  expect(await inside.locator(".scrubber").isVisible()).toBe(true);
  expect(await inside.locator(".embed-eps").isVisible()).toBe(false);
  expect(complaints).toEqual([]);
});

test("the replay needs no engine", async () => {
  const { page, complaints } = await site.open({ hash: "#/embed/replay", engine: {} });
  await page.locator(".heatmap canvas").waitFor();
  await page.getByRole("slider", { name: "Plan" }).fill("0");
  await page.getByText("before training").first().waitFor();
  expect(complaints).toEqual([]);
});

test("the second visit works without a network", async () => {
  const { page } = await site.open({ engine: {}, hash: "#/transport?v=1&features=bytes" });
  await page.locator("#stage canvas").first().waitFor();
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("./sw.js"); // the page itself waits a while, to leave the line free
    await navigator.serviceWorker.ready;
  });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.context().setOffline(true);
  await page.reload();
  await page.locator("#stage canvas").first().waitFor();
  expect(await page.locator(".state-line").innerText()).toMatch(/converged/);
});

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test.each([1440, 390])("every route reads well at %i px", async (width) => {
    const context = { colorScheme, viewport: { width, height: 844 } };
    for (const hash of ["#/learn", "#/learn/epsilon/2", "#/device", "#/embed/transport?v=1&features=bytes"]) {
      const { page } = await site.open({ engine: {}, hash, context });
      await page
        .locator(hash.includes("epsilon") || hash.includes("embed") ? "#stage canvas" : "main h2")
        .first()
        .waitFor();
      await page.waitForTimeout(200);
      expect([hash, await overflow(page)]).toEqual([hash, Math.min(0, await overflow(page))]);
      expect([hash, await seriousFindings(page)]).toEqual([hash, []]);
      await page.context().close();
    }
  });
});
