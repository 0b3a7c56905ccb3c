// canvases as pictures — plan
//   snapshots   heat map, gradient, ribbons, hollow tokens, the morph at its middle, the residual track, the plan of a scripted run: close
//               to the committed pictures, from one text and the CPU twin; letters are left out, because fonts differ
//   control     another ε is another picture: every comparison fails for it
// COUPLET_GOLDENS=1 makes the pictures anew (test/browser/goldens).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { artifacts, showLiveRun, type Site, startSite } from "./support/browser";

const GOLDENS = join(import.meta.dirname, "goldens");
const RENEW = process.env["COUPLET_GOLDENS"] === "1";
/** A pixel is off when a channel differs by more than this: edges are smoothed a little differently everywhere. */
const OFF = 40;
/** So many pixels may be off; a changed plan changes many more. */
const ALLOWED = 0.01;

let site: Site;
beforeAll(async () => {
  mkdirSync(GOLDENS, { recursive: true });
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const NO_LETTERS = `
  CanvasRenderingContext2D.prototype.fillText = () => {};
  CanvasRenderingContext2D.prototype.measureText = (text) => ({ width: 6 * text.length });`;
const TEXT = "text.from=own&text.text=Training+at+60+km/h&drop=text.row+text.student+text.teacher";
const STAGE = "#stage canvas";

/** The screen on this text, at rest. */
async function open(query: string, colorScheme: "light" | "dark" = "light"): Promise<Page> {
  const { page } = await site.open({
    engine: { noGpu: "no-webgpu" },
    before: NO_LETTERS,
    hash: `#/transport?v=1&features=bytes&${TEXT}${query}`,
    context: { colorScheme, reducedMotion: "reduce", viewport: { width: 1000, height: 900 } },
  });
  await page.locator(STAGE).first().waitFor();
  await page.waitForTimeout(300);
  return page;
}

const pictureOf = (page: Page, selector: string): Promise<string> =>
  page
    .locator(selector)
    .first()
    .evaluate((node) => (node as HTMLCanvasElement).toDataURL("image/png"));

/** Share of pixels that are off; 1 when the sizes differ. */
const difference = (page: Page, got: string, want: string): Promise<number> =>
  page.evaluate(
    async ([urls, off]) => {
      const [a, b] = await Promise.all(
        urls.map(async (url) => {
          const image = await createImageBitmap(await (await fetch(url)).blob());
          const canvas = new OffscreenCanvas(image.width, image.height);
          const pen = canvas.getContext("2d")!;
          pen.drawImage(image, 0, 0);
          return pen.getImageData(0, 0, image.width, image.height);
        }),
      );
      if (!a || !b || a.width !== b.width || a.height !== b.height) return 1;
      let count = 0;
      for (let at = 0; at < a.data.length; at += 4)
        if ([0, 1, 2, 3].some((c) => Math.abs((a.data[at + c] ?? 0) - (b.data[at + c] ?? 0)) > off)) count++;
      return (4 * count) / a.data.length;
    },
    [[got, want], OFF] as const,
  );

const toUrl = (png: Buffer): string => `data:image/png;base64,${png.toString("base64")}`;
const toPng = (url: string): Buffer => Buffer.from(url.split(",")[1] ?? "", "base64");

/** How far both pictures are from the committed one: `off` must be small, and `control`, of another plan, must not. */
async function distances(page: Page, name: string, got: string, other: string) {
  const file = join(GOLDENS, `${name}.png`);
  if (RENEW) writeFileSync(file, toPng(got));
  if (!existsSync(file)) throw new Error(`${file} is missing: make it with COUPLET_GOLDENS=1`);
  const want = toUrl(readFileSync(file));
  const off = await difference(page, got, want);
  if (off > ALLOWED) writeFileSync(join(artifacts, `${name}-got.png`), toPng(got)); // to look at
  return { off, control: await difference(page, other, want) };
}

describe("the stage", () => {
  test.each([
    ["plan", "", 0.1, "light"],
    ["gradient", "&show.matrix=gradient", 0.1, "dark"],
    ["ribbons", "&show.form=ribbons", 0.03, "light"],
    ["hollow", "&show.form=ribbons&relaxed=both&tau=0.3", 0.03, "light"],
  ] as const)("%s", async (name, query, epsilon, scheme) => {
    const page = await open(`${query}&epsilon=${epsilon}`, scheme);
    const other = await open(`${query}&epsilon=1`, scheme);
    const { off, control } = await distances(
      page,
      name,
      await pictureOf(page, STAGE),
      await pictureOf(other, STAGE),
    );
    expect(off).toBeLessThanOrEqual(ALLOWED);
    expect(control).toBeGreaterThan(2 * ALLOWED);
  });

  test("the morph, half way", async () => {
    const half = async (query: string) => {
      const page = await open(query);
      await page.emulateMedia({ reducedMotion: "no-preference" });
      await page.evaluate(() => {
        // The clock stands, and frames wait until they are called for.
        const waiting: FrameRequestCallback[] = [];
        let now = performance.now();
        performance.now = () => now;
        globalThis.requestAnimationFrame = (frame) => waiting.push(frame);
        Reflect.set(globalThis, "halfWay", () => {
          now += 90;
          for (const frame of waiting.splice(0)) frame(now);
        });
      });
      await page.getByRole("radio", { name: "Ribbons" }).check({ force: true });
      await page.waitForTimeout(300);
      await page.evaluate(() => (Reflect.get(globalThis, "halfWay") as () => void)());
      return { page, picture: await pictureOf(page, STAGE) };
    };
    const { page, picture } = await half("&epsilon=0.03");
    const { off, control } = await distances(page, "morph", picture, (await half("&epsilon=1")).picture);
    expect(off).toBeLessThanOrEqual(ALLOWED);
    expect(control).toBeGreaterThan(2 * ALLOWED);
  });

  test("the residual track", async () => {
    const page = await open("&show.sweep=40");
    const other = await open("&show.sweep=40&epsilon=1");
    const track = ".scrubber-track canvas";
    const { off, control } = await distances(
      page,
      "track",
      await pictureOf(page, track),
      await pictureOf(other, track),
    );
    expect(off).toBeLessThanOrEqual(ALLOWED);
    expect(control).toBeGreaterThan(2 * ALLOWED);
  });
});

test("the plan of a run", async () => {
  const { page } = await site.open({
    engine: {},
    before: NO_LETTERS,
    hash: "#/distill",
    context: { reducedMotion: "reduce", viewport: { width: 1000, height: 900 } },
  });
  await page.locator('.standing[data-status="ready"]').waitFor();
  await page.locator("#plan-map canvas").first().waitFor();
  await page.waitForTimeout(300);
  const recorded = await pictureOf(page, "#plan-map canvas");
  await showLiveRun(page);
  await page.waitForTimeout(300);
  const got = await pictureOf(page, "#plan-map canvas");
  const { off, control } = await distances(page, "run", got, recorded);
  expect(off).toBeLessThanOrEqual(ALLOWED);
  expect(control).toBeGreaterThan(2 * ALLOWED);
});
