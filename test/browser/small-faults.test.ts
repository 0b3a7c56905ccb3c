// faults that people met in use, one test each, with a scripted engine — plan
//   a plan's exact zeros are the bottom of its scale, not holes; one step is drawn; ticks and titles are whole
//   an invalid field has a red border; buttons of a row are of one height
//   buttons that would do nothing are off; zooming keeps the chosen cell in view
//   an emptied text empties the stage; what a link cannot have is said in plain words and put away
//   texts that say what is so while a run loads; numbers of the formula follow the plan's step, and both pictures point
//   a folder that can be nothing is no success; nothing large is fetched unasked
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { artifacts, showLiveRun, startSite, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const OWN = (text: string) =>
  `text.from=own&text.text=${encodeURIComponent(text)}&drop=text.row+text.student+text.teacher`;
const stage = (page: Page) => page.locator("#stage canvas").first();

/** Share of the pixels of a canvas's part that are exactly one colour, or not there. */
const holes = (page: Page, selector: string, at: readonly [number, number, number, number]) =>
  page
    .locator(selector)
    .first()
    .evaluate((node, [x, y, w, h]) => {
      const canvas = node as HTMLCanvasElement;
      const { width, height } = canvas;
      const part =
        canvas.getContext("2d")?.getImageData(x * width, y * height, w * width, h * height).data ?? [];
      let empty = 0;
      for (let i = 0; i < part.length; i += 4) if ((part[i + 3] ?? 0) === 0) empty++;
      return empty / (part.length / 4);
    }, at);

test("exact zeros are the bottom of the scale, and the axis title of a small plan is whole", async () => {
  const { page } = await site.open({
    engine: { noGpu: "no-webgpu" },
    hash: `#/transport?v=1&features=bytes&epsilon=0.001&${OWN("answer is 40")}`,
    context: { colorScheme: "light" },
  });
  await stage(page).waitFor();
  await page
    .getByText(/^(✓|✕) /)
    .first()
    .waitFor();
  expect(await holes(page, "#stage canvas", [0.5, 0.5, 0.3, 0.3])).toBe(0);
  await page.locator(".panel-stage").screenshot({ path: join(artifacts, "zeros-light.png") });
});

test("the first step is drawn", async () => {
  const { page } = await site.open({ engine: { stepMs: 4 } });
  await page.getByText("step 0 / 1,500").waitFor();
  await page.getByRole("button", { name: "Step", exact: true }).click();
  await page.locator('.standing[data-step="1"]').waitFor();
  await showLiveRun(page);
  await page.screenshot({ path: join(artifacts, "first-step.png") });
  for (const panel of ["losses", "accuracy", "gradient"]) {
    const inked = () =>
      page.locator(`.panel-${panel} .u-wrap canvas`).evaluate((node) => {
        const canvas = node as HTMLCanvasElement;
        const { width, height } = canvas;
        const left = 50 * devicePixelRatio; // right of the axis: grid lines alone have one colour
        const data =
          canvas.getContext("2d")?.getImageData(left, 0, width - 2 * left, height * 0.75).data ?? [];
        const colors = new Set<string>();
        for (let i = 0; i < data.length; i += 4)
          if ((data[i + 3] ?? 0) > 200) colors.add([data[i], data[i + 1], data[i + 2]].join(" "));
        return colors.size;
      });
    await expect.poll(inked, { message: panel }).toBeGreaterThan(2);
  }
});

test("the last tick of a chart is whole", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" } });
  for (const panel of ["losses", "accuracy", "gradient"]) {
    const canvas = page.locator(`.panel-${panel} .u-wrap canvas`);
    await canvas.waitFor();
    // 1,500 steps: its number would touch the canvas's edge if it were cut off.
    const atEdge = () =>
      canvas.evaluate((node) => {
        const { width, height } = node as HTMLCanvasElement;
        const strip = (node as HTMLCanvasElement)
          .getContext("2d")
          ?.getImageData(width - 2, height * 0.8, 2, height * 0.2);
        const whole = (node as HTMLCanvasElement)
          .getContext("2d")
          ?.getImageData(0, height * 0.8, width, height * 0.2);
        const inked = (data: Uint8ClampedArray | undefined) =>
          [...(data ?? [])].filter((value, i) => i % 4 === 3 && value > 0).length;
        return { edge: inked(strip?.data), all: inked(whole?.data) };
      });
    await expect.poll(async () => (await atEdge()).all).toBeGreaterThan(50);
    expect((await atEdge()).edge, panel).toBe(0);
  }
});

test("an invalid field is bordered in red; the buttons of a row are alike", async () => {
  const { page } = await site.open({ engine: {} });
  await page.getByText("step 0 / 1,500").waitFor();
  const height = (name: string) =>
    page
      .locator(".run-bar .row")
      .first()
      .getByText(name, { exact: true })
      .evaluate((node) => node.getBoundingClientRect().height);
  expect(await height("Save…")).toBe(await height("Reset"));
  const steps = page.getByLabel("Steps", { exact: true });
  const border = () => steps.evaluate((node) => getComputedStyle(node).borderColor);
  const before = await border();
  await steps.fill("abc");
  expect(await border()).toBe("rgb(179, 38, 30)");
  expect(before).not.toBe("rgb(179, 38, 30)");
  expect(await page.locator(".field .issue").innerText()).toBe("must be a number");
  await steps.fill("-5");
  expect(await page.locator(".field .issue").innerText()).toMatch(/^must be at least 1/);
});

test("buttons that would do nothing are off; zooming keeps the chosen cell", async () => {
  const { page } = await site.open({
    engine: { noGpu: "no-webgpu" },
    hash: `#/transport?v=1&features=bytes&${OWN("a short one")}&show.form=ribbons`,
  });
  await stage(page).waitFor();
  await page
    .getByText(/^(✓|✕) /)
    .first()
    .waitFor();
  expect(await page.getByRole("button", { name: "Scroll right" }).count()).toBe(0); // all of it is in view
  await page.getByRole("radio", { name: "a data row" }).check({ force: true });
  await page.getByRole("radio", { name: "Matrix", exact: true }).check({ force: true });
  const out = page.getByRole("button", { name: "Zoom out" });
  await out.waitFor();
  expect(await out.isDisabled()).toBe(true);
  await page.locator("#stage").press("ArrowDown");
  const chosen = page.locator(".panel-selected");
  const before = await chosen.innerText();
  const zoomIn = page.getByRole("button", { name: "Zoom in" });
  while (!(await zoomIn.isDisabled())) await zoomIn.click();
  expect(await out.isDisabled()).toBe(false);
  // The first cell is chosen: let go of it, it is still there in the plot's first corner.
  const box = await page.locator("#stage").boundingBox();
  await page.locator("#stage").press("Escape");
  let found = "";
  for (let x = 40; x < 160 && found !== before; x += 4) {
    await page.mouse.move((box?.x ?? 0) + x, (box?.y ?? 0) + x);
    found = await chosen.innerText();
  }
  expect(found).toBe(before);
});

test("an emptied text empties the stage, also over a reload", async () => {
  const { page } = await site.open({
    engine: { noGpu: "no-webgpu" },
    hash: `#/transport?v=1&features=bytes&${OWN("some words")}`,
  });
  await stage(page).waitFor();
  await page.getByLabel("Your text").fill("");
  await page.getByText("Type a sentence, or choose an example").waitFor();
  expect(await page.locator(".panel-readouts").count()).toBe(0);
  await expect.poll(() => page.url()).not.toContain("some");
  await page.reload();
  await page.getByText("Type a sentence, or choose an example").waitFor();
  await page.getByRole("button", { name: "Numbers" }).click();
  await page
    .getByText(/^(✓|✕) /)
    .first()
    .waitFor();
});

test("what an address cannot have is said in plain words, and put away", async () => {
  const { page } = await site.open({ engine: {}, hash: "#/nonsense" });
  await page.getByText("There is no screen “nonsense”.").waitFor();
  await page.goto(`${page.url().split("#")[0]}#/Distill`);
  await page.locator(".run-bar").waitFor(); // the case of letters makes no other screen
  await page.goto(`${page.url().split("#")[0]}#/compare?seeds=3`);
  await page.getByText("takes no settings from a link").waitFor();
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.goto(`${page.url().split("#")[0]}#/distill?v=1&method.id=magic`);
  const notice = page.locator(".notice-bad");
  expect(await notice.innerText()).toMatch(/method\.id: must be one of sft, kd/);
  await page.goto(`${page.url().split("#")[0]}#/transport?v=1&epsilon=many`);
  await page.locator(".transport .notice-bad").waitFor();
  expect(await page.locator(".transport .notice-bad").innerText()).toMatch(/epsilon: must be a number/);
  await page.locator(".transport").getByRole("button", { name: "Dismiss" }).click();
  expect(await page.locator(".transport .notice-bad").count()).toBe(0);
  expect(await page.evaluate(() => document.body.innerText)).not.toMatch(/Invalid type|Expected/);
});

test("while a run loads, nothing is said that is not so", async () => {
  const { page } = await site.open({ engine: { stepMs: 20, loadMs: 3000 }, hash: "#/distill?v=1&seed=9" });
  await page.locator('.standing[data-status="loading"]').waitFor();
  expect(await page.locator(".standing").innerText()).toBe("Loading");
  expect(await page.locator(".panel-losses").innerText()).toMatch(/the run is being loaded/);
  await page.locator('.standing[data-status="ready"]').waitFor();
  expect(await page.locator(".panel-losses").innerText()).toMatch(/Press Play/);
});

test("Start: the formula's numbers are of the plan's step", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: "" });
  await page.getByRole("button", { name: "CE", exact: true }).focus();
  const said = () => page.locator(".formula-text").innerText();
  await expect.poll(said).toMatch(/^CE [\d.e−]+ at step 1,500/);
  await page.getByRole("link", { name: "Distill", exact: true }).click();
  await page.getByRole("slider", { name: "Plan" }).fill("0");
  await page.getByRole("link", { name: "Start", exact: true }).click();
  await page.getByRole("button", { name: "CE", exact: true }).focus();
  await expect.poll(said).toMatch(/not measured before training/);
});

test("a folder that can be nothing is said to be none", async () => {
  const folder = join(tmpdir(), `couplet-bert-${process.pid}`, "old-bert");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "config.json"),
    JSON.stringify({ model_type: "bert", architectures: ["BertModel"] }),
  );
  writeFileSync(join(folder, "pytorch_model.bin"), "x");
  const { page } = await site.open({ engine: {}, hash: "#/models" });
  await page.getByRole("radio", { name: "Folder" }).check();
  await page.locator('[data-picker="Choose a folder…"]').setInputFiles(folder);
  await page.locator('[data-notice="unusable-model"], .notice-bad').first().waitFor();
  const said = await page.locator(".library-news").innerText();
  expect(said).not.toMatch(/added\.|is here/);
  expect(said).toMatch(/cannot be used|could not/);
});

test("Data on a phone begins at its top", async () => {
  const { page } = await site.open({
    engine: {},
    hash: "#/data",
    context: { viewport: { width: 390, height: 844 } },
  });
  const panel = page.locator(".panel-file");
  await panel.waitFor();
  const head = await page.locator(".page-head").boundingBox();
  const box = await panel.boundingBox();
  expect((box?.y ?? 0) - ((head?.y ?? 0) + (head?.height ?? 0))).toBeLessThan(8);
  await page.screenshot({ path: join(artifacts, "data-phone.png") });
});

test("the service worker keeps the page, and nothing large unasked", async () => {
  const { page } = await site.open({ engine: { noGpu: "no-webgpu" }, hash: "#/device" });
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("./sw.js");
    await navigator.serviceWorker.ready;
  });
  const kept = await page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => /^couplet-[0-9a-f]{16}$/.test(name));
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map(({ url }) => new URL(url).pathname);
  });
  expect(kept).toContain("/index.html");
  expect(kept.filter((path) => /\.(wasm|onnx|safetensors)$/.test(path))).toEqual([]);
});
