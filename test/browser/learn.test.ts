// lessons, the Device page, embedded figures and the second visit — plan
//   lessons      every step of all ten, walked by its own links: its target is there and framed; a prediction reveals
//                its reason, and marks the wrong and the right one; a finished lesson is ticked; nothing is complained about
//   device       adapter or reason, the report; axe
//   embed        in an iframe of another page: says its state and height, takes a new one; replay needs no engine
//   offline      a reload without a network, after one visit
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LESSONS } from "../../src/views/learn/lessons";
import { seriousFindings } from "./support/axe";
import { artifacts, startSite, type Site } from "./support/browser";

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
        const { answer, options } = step.question;
        const wrong = lesson === LESSONS[0]; // one is answered wrong: it is marked, and so is the right one
        await page
          .locator(".predict input")
          .nth(wrong ? options.length - 1 : answer)
          .check();
        const said = await page.locator(".predict [role=status]").innerText();
        expect(said).toContain(wrong ? "Not quite." : "Correct.");
        const marks = await page
          .locator(".predict label")
          .evaluateAll((all) => all.map((l) => l.dataset["mark"]));
        const expected = options.map((_, k) =>
          k === answer ? "right" : wrong && k === options.length - 1 ? "wrong" : undefined,
        );
        expect(marks).toEqual(expected);
        if (wrong) await page.screenshot({ path: join(artifacts, "lesson-wrong.png") });
      }
      if (i < lesson.steps.length - 1) await page.getByRole("link", { name: "Next →" }).click();
    }
    const last = lesson === LESSONS.at(-1);
    await page.getByRole("link", { name: last ? "Back to the list" : "Next lesson →" }).click();
  }
  await page.getByText("done ✓").first().waitFor(); // the list comes after the click, not with it
  expect(await page.getByText("done ✓").count()).toBe(LESSONS.length);
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
  const { states: heard, refused } = await page.evaluate(async () => {
    let refused = "";
    const frame = document.createElement("iframe");
    frame.src = "./#/embed/sinkhorn/sweeps?v=1&features=bytes";
    frame.style.cssText = "position:fixed;inset:0;width:900px;height:800px";
    const states: { link: string; transportCost: number; height?: number }[] = [];
    const next = (event: string) =>
      new Promise<Record<string, unknown>>((resolve) => {
        const hear = ({ data }: MessageEvent<Record<string, unknown>>) => {
          if (
            data["couplet"] !== true ||
            data["v"] !== 1 ||
            data["event"] !== event ||
            (event === "state" && data["transportCost"] === undefined)
          )
            return;
          removeEventListener("message", hear);
          resolve(data);
        };
        addEventListener("message", hear);
      });
    let height = 0;
    addEventListener("message", ({ data }: MessageEvent<Record<string, unknown>>) => {
      if (data["event"] === "height") height = Number(data["height"]);
    });
    const first = next("state");
    document.body.append(frame);
    states.push((await first) as never);
    const second = next("state");
    frame.contentWindow?.postMessage(
      { couplet: true, v: 1, type: "set", link: "v=1&features=bytes&epsilon=1" },
      "*",
    );
    await second;
    const third = next("state");
    setTimeout(() => frame.contentWindow?.postMessage({ couplet: true, v: 1, type: "get" }, "*"), 1500);
    states.push({ ...((await third) as never as (typeof states)[0]), height });
    const refusal = next("error");
    frame.contentWindow?.postMessage({ couplet: true, v: 7, type: "get" }, "*");
    refused = String((await refusal)["detail"]);
    return { states, refused };
  });
  expect(refused).toBe("this figure speaks v 1, not v 7");
  expect(heard[1]?.height).toBeGreaterThan(200);
  expect(heard[1]?.link).toBe("v=1&features=bytes&epsilon=1");
  expect(heard[1]?.transportCost).toBeGreaterThan(heard[0]?.transportCost ?? Infinity); // blurrier is dearer
  const inside = page.frameLocator("iframe");
  expect(await inside.locator(".scrubber").isVisible()).toBe(true);
  expect(await inside.locator(".epsilon").isVisible()).toBe(false);
  expect(complaints).toEqual([]);
});

test("a figure starts when asked; lines for HTML and Jupyter carry what was chosen", async () => {
  const { page, complaints } = await site.open({
    engine: { noGpu: "no-webgpu" },
    hash: "#/transport?v=1&features=bytes&epsilon=0.5",
    context: { permissions: ["clipboard-read", "clipboard-write"] },
  });
  await page.locator("#stage canvas").first().waitFor();
  await page.getByRole("button", { name: "Embed…" }).click();
  const dialog = page.getByRole("dialog", { name: "This figure in another page" });
  await dialog.getByLabel("files to save").uncheck();
  await dialog.getByRole("radio", { name: "on click" }).check({ force: true });
  await dialog.getByRole("radio", { name: "Dark" }).check({ force: true });
  expect(await seriousFindings(page)).toEqual([]);
  await page.screenshot({ path: join(artifacts, "embed-dialog.png") });
  const jupyter = await dialog.getByLabel("Jupyter").inputValue();
  expect(jupyter).toMatch(
    /^from IPython\.display import IFrame; IFrame\("http.*", width="100%", height=900\)$/,
  );
  await dialog.getByRole("button", { name: "Copy" }).first().click();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  const src = /src="([^"]+)"/.exec(line)?.[1]?.replaceAll("&amp;", "&") ?? "";
  expect(new URL(src).hash).toBe(
    "#/embed/sinkhorn/eps+sweeps+tabs+click+dark?v=1&features=bytes&epsilon=0.5",
  );
  const figure = await page.context().newPage();
  await figure.goto(src);
  await figure.getByRole("button", { name: "Show the sweeps" }).waitFor();
  expect(await figure.locator("canvas").count()).toBe(0); // nothing has begun
  expect(await figure.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
  await figure.getByRole("button", { name: "Show the sweeps" }).click();
  await figure.locator("#stage canvas").first().waitFor();
  expect(await figure.locator(".save").isVisible()).toBe(false);
  expect(await figure.locator(".epsilon output").innerText()).toBe("0.500 × mean cost");
  await figure.screenshot({ path: join(artifacts, "embed-sinkhorn.png"), fullPage: true });
  expect(complaints).toEqual([]);
});

test("the replay needs no engine", async () => {
  const { page, complaints } = await site.open({ hash: "#/embed/replay", engine: {} });
  await page.locator("#plan-map canvas").first().waitFor();
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
  await expect.poll(() => page.locator(".badge").first().innerText()).toMatch(/✓ converged/);
});
