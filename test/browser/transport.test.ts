// the Transport screen, without WebGPU and on SwiftShader — plan
//   opens        a plan by bytes at once, then by the models' states; nothing leaves this machine
//   solver       the GPU's readouts are the CPU's (SwiftShader); small ones stay on the CPU; no GPU is said with its reason
//   marginals    by bytes; relaxed: mass stays, hollow tokens are counted, a kept side and the loop as published refuse
//   moves        ε, cost, scheme, text; cost and gradient tabs; ribbons and back; sweeps; outline of other alignments
//   selection    pointer, keys, table and terms of the formula choose the same thing
//   links        the address follows, opens again, and names what it cannot have
//   saving       SVG and CSV hold the tokens
//   400 tokens   a hover does not draw the matrix, a pan draws it once and labels in view alone; times are printed
//   shell        palette, keys, screens
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { seriousFindings } from "./support/axe";
import { artifacts, startSite, SWIFTSHADER, type Site, type Visit } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

const BYTES = "v=1&features=bytes";
const open = async (query = BYTES, visit: Visit = {}) => {
  const opened = await site.open({ engine: { noGpu: "no-webgpu" }, hash: `#/transport?${query}`, ...visit });
  await opened.page.locator("#stage canvas").first().waitFor();
  return opened;
};
const readouts = (page: Page) => page.locator(".readouts").innerText();
const changed = (page: Page, selector: string, before: string) =>
  page.waitForFunction(([at, text]) => document.querySelector<HTMLElement>(at ?? "")?.innerText !== text, [
    selector,
    before,
  ] as const);

test("a plan by bytes at once, then by the states of both models, from this site alone", async () => {
  const { page, complaints } = await open("v=1&text.row=3");
  expect(await page.locator(".panel-stage .tag").innerText()).toMatch(/preview by spelling/);
  await page.locator(".panel-stage .tag").waitFor({ state: "detached", timeout: 100_000 });
  await page.getByText(/explains \d+ % of the student's variance/).waitFor();
  await expect.poll(() => page.locator(".badge").first().innerText()).toMatch(/✓ converged/);
  expect(complaints).toEqual([]);
});

const solvedBy = (page: Page, device: "cpu" | "gpu") => page.locator(`[data-solved-by=${device}]`);
const press = (page: Page, name: string) =>
  page.getByRole("radio", { name, exact: true }).check({ force: true });

describe("solver", () => {
  test("the GPU's answer is the CPU's, for a balanced and a relaxed plan", async () => {
    const software = await startSite(SWIFTSHADER);
    try {
      const hash = `#/transport?${BYTES}`;
      const { page, complaints } = await software.open({ engine: {}, hash });
      await solvedBy(page, "cpu").getByText("too small for a GPU").waitFor();
      for (const mass of ["balanced (all mass is moved)", "unbalanced (both sides)"]) {
        await press(page, "CPU");
        await page.getByLabel("Marginals").selectOption(mass);
        await page.waitForFunction(
          (relaxed) => /no counterpart/.test(document.body.innerText) === relaxed,
          !mass.startsWith("balanced"),
        );
        const twin = await numbersOf(page);
        await press(page, "GPU");
        await solvedBy(page, "gpu").waitFor({ timeout: 100_000 });
        expect(await solvedBy(page, "gpu").innerText()).toMatch(/by the WGSL kernels on .*SwiftShader/i);
        const gpu = await numbersOf(page);
        expect(gpu).toHaveLength(twin.length);
        gpu.forEach((x, i) =>
          expect(Math.abs(x - twin[i]!)).toBeLessThan(2e-3 * Math.max(1, Math.abs(twin[i]!))),
        );
      }
      expect(complaints).toEqual([]);
    } finally {
      await software.close();
    }
  });
  test("no GPU is said with its reason, and the plan is there all the same", async () => {
    const { page } = await open();
    await press(page, "GPU");
    await solvedBy(page, "cpu").getByText("no GPU here").waitFor();
    await expect.poll(() => page.locator(".badge").first().innerText()).toMatch(/✓ converged/);
  });
});

/** ⟨P, C⟩, entropy and mass as shown, and the largest flow. */
async function numbersOf(page: Page): Promise<number[]> {
  const shown = await page.locator(".readouts dd").allInnerTexts();
  const flow = await page.locator(".flow-table tbody tr").first().locator("td").nth(2).innerText();
  return [shown[0], shown[2], shown[3], flow].map((text) =>
    Number.parseFloat((text ?? "").replace("−", "-")),
  );
}

test("masses by bytes and relaxed marginals", async () => {
  const { page } = await open();
  const before = await page.locator(".flow-table").innerText();
  await page.getByLabel("Token mass").selectOption("proportional to bytes");
  await changed(page, ".flow-table", before);
  await page.getByLabel("Marginals").selectOption("unbalanced (both sides)");
  await page.getByLabel(/Penalty for unmatched mass/).fill("-1.5");
  await page.waitForFunction(() => /[1-9]\d* student, \d+ teacher/.test(document.body.innerText));
  await press(page, "Ribbons");
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(artifacts, "transport-relaxed.png") });
  await page.locator("#stage").hover({ position: { x: 60, y: 30 } });
  expect(await page.locator(".panel-selected").innerText()).toMatch(/\d+ % of its mass is moved/);
  await press(page, "as published");
  expect(await page.getByLabel("Marginals").isDisabled()).toBe(true);
  await page.getByText("The multiplicative loop is balanced").waitFor();
});

describe("moves", () => {
  test("ε blurs: entropy rises and the plan is solved again", async () => {
    const { page } = await open();
    const before = await readouts(page);
    await page.getByLabel(/Epsilon/).fill("0.5");
    await changed(page, ".readouts", before);
    const sharp = await page.locator(".sharpness").innerText();
    await page.getByLabel(/Epsilon/).fill("-2");
    await changed(page, ".sharpness", sharp);
    expect(
      Number.parseInt(/\d+/.exec(await page.locator(".sharpness").innerText())?.[0] ?? ""),
    ).toBeGreaterThan(Number.parseInt(/\d+/.exec(sharp)?.[0] ?? ""));
  });

  test("as published: attention cost and an absolute ε; the plan is all but blurred", async () => {
    const { page } = await open();
    await page.getByRole("radio", { name: "as published" }).check({ force: true });
    await page.waitForFunction(() =>
      /ε = 10/.test(document.querySelector(".panel-transport-settings")?.textContent ?? ""),
    );
    await page.waitForFunction(() => /^[01] %/.test(document.querySelector(".sharpness")?.textContent ?? ""));
    expect(await page.locator("select").filter({ hasText: "squared Euclidean" }).inputValue()).toBe(
      "attention",
    );
  });

  test("tabs, ribbons, sweeps and outlines draw something else each", async () => {
    const { page, complaints } = await open();
    const shot = () =>
      page
        .locator("#stage canvas")
        .first()
        .evaluate((c) => (c as HTMLCanvasElement).toDataURL());
    const seen = [await shot()];
    for (const press of [
      () => page.getByRole("radio", { name: "Cost" }).check({ force: true }),
      () => page.getByRole("radio", { name: "Gradient" }).check({ force: true }),
      () => page.getByRole("radio", { name: "Ribbons" }).check({ force: true }),
      () => page.getByRole("radio", { name: "Matrix" }).check({ force: true }),
      () => page.getByRole("radio", { name: "Plan" }).check({ force: true }),
    ]) {
      await press();
      await page.waitForTimeout(350); // the morph takes 180 ms
      seen.push(await shot());
    }
    expect(seen[4]).toBe(seen[2]); // back to the gradient's matrix
    expect(seen[5]).toBe(seen[0]);
    expect(new Set(seen).size).toBe(4);
    await page.getByRole("slider", { name: "Sweep" }).fill("0");
    await page.getByText("start: f = 0").first().waitFor();
    expect(await shot()).not.toBe(seen[0]);
    await page.getByLabel("Outline on the matrix").selectOption("bytes");
    await page.waitForTimeout(50);
    expect(complaints).toEqual([]);
  });

  test("own text with accents and emoji is cut by both", async () => {
    const { page } = await open();
    await page.getByRole("radio", { name: "own text" }).check({ force: true });
    const before = await page.locator(".panel-stage .aside").first().innerText();
    await page.getByLabel("Your text").fill("Café 🦊, naïve");
    await changed(page, ".panel-stage .aside", before);
    await page.getByRole("radio", { name: "Ribbons" }).check({ force: true });
    expect(await page.locator(".flow-table tbody tr").count()).toBeGreaterThan(3);
  });
});

test("pointer, keys and table choose the same thing", async () => {
  const { page } = await open();
  await page.locator("#stage").hover({ position: { x: 300, y: 300 } });
  expect(await page.locator(".panel-selected").innerText()).toMatch(
    /bytes \d+–\d+[^]*mass[^]*P · C[^]*of ⟨P, C⟩/,
  );
  await page.mouse.move(2, 2);
  await page.locator("#stage").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  const first = await page.locator(".panel-selected").innerText();
  expect(first).toMatch(/mass/);
  await page.keyboard.press("ArrowDown");
  await changed(page, ".panel-selected", first);
  await page.keyboard.press("Escape");
  expect(await page.locator(".panel-selected").innerText()).toMatch(/Point at/);
  await page.locator(".flow-table button").first().click();
  expect(await page.locator(".panel-selected").innerText()).toMatch(/mass/);

  // The formula is part of the same selection: its numbers are the pair's, its terms show what they belong to.
  const term = (name: string) => page.locator(".term").filter({ has: page.locator("i", { hasText: name }) });
  const value = async (name: string) => {
    const shown = (await term(name).locator("small").innerText()).replaceAll("−", "-");
    return Number.parseFloat(shown);
  };
  const [P, f, g, C, eps] = await Promise.all(["P", "f", "g", "C", "ε"].map(value));
  expect(Math.exp((f! + g! - C!) / eps!) / P!).toBeGreaterThan(0.8); // of three digits each
  expect(Math.exp((f! + g! - C!) / eps!) / P!).toBeLessThan(1.25);
  const overlay = () =>
    page.locator(".stage-overlay").evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const alone = await overlay();
  await term("f").hover();
  const row = await overlay();
  await term("g").hover();
  expect(new Set([alone, row, await overlay()]).size).toBe(3);
  await term("C").click();
  expect(await page.getByRole("radio", { name: "Cost" }).isChecked()).toBe(true);
  await page.getByRole("radio", { name: "Plan" }).check({ force: true });
  await term("f").click();
  await page.getByText("Its partners").waitFor();
});

describe("links", () => {
  test("the address follows, and opens the same state again", async () => {
    const { page } = await open();
    await page.getByLabel(/Epsilon/).fill("0");
    await page.getByRole("radio", { name: "Ribbons" }).check({ force: true });
    await page.waitForURL(/epsilon=1&show\.form=ribbons/);
    const again = await site.open({ engine: {}, hash: new URL(page.url()).hash });
    await again.page.locator("#stage canvas").first().waitFor();
    expect(await again.page.locator(".epsilon output").innerText()).toBe("1.00 × mean cost");
    expect(await again.page.getByRole("radio", { name: "Ribbons" }).isChecked()).toBe(true);
  });
  test.each([
    ["transport", "v=9&epsilon=1", /newer Couplet/],
    ["transport", "v=1&epsilon=-3", /epsilon: must be greater than 0/],
    ["distill", "v=1&nonsense=3", /nonsense/],
  ])("#/%s?%s is named, and the page works", async (screen, query, said) => {
    const { page } = await site.open({ engine: {}, hash: `#/${screen}?${query}` });
    await page.locator(".notice-bad").waitFor();
    expect(await page.locator(".notice-bad").innerText()).toMatch(said);
    await page.locator("canvas").first().waitFor();
  });
  test("a run's settings travel in the link and are what is loaded", async () => {
    const { page } = await site.open({ engine: {}, hash: "#/distill?v=1&seed=99&steps=12" });
    await page.getByText("step 0 / 12").waitFor();
    expect(await page.getByLabel("Seed").inputValue()).toBe("99");
    expect(await page.locator(".field .hint").first().innerText()).toMatch(/2 changes/);
  });
});

test("SVG and CSV hold the tokens", async () => {
  const { page } = await open();
  const save = async (name: string) => {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.locator(".save").getByRole("button", { name }).click(),
    ]);
    return readFileSync((await file.path()) ?? "", "utf8");
  };
  const svg = await save("SVG");
  expect(svg).toMatch(/^<svg [^]*>Therefore<[^]*<\/svg>\n$/);
  const rows = (await save("CSV")).trim().split("\n");
  const [student = 0, teacher = 0] = [
    ...(await page.locator(".panel-stage .aside").first().innerText()).matchAll(/\d+/g),
  ].map(Number);
  expect(rows).toHaveLength(student + 1);
  expect(rows[0]?.match(/"[^"]*"|[^,]+/g)).toHaveLength(teacher);
});

test("400 tokens: a hover does not draw the matrix, a pan draws what is in view", async () => {
  const { page } = await open();
  await page.getByRole("radio", { name: "own text" }).check({ force: true });
  await page.getByRole("button", { name: "400 tokens" }).click();
  await page.waitForFunction(() => {
    const [student = 0] = [
      ...(document.querySelector(".panel-stage .aside")?.textContent ?? "").matchAll(/\d+/g),
    ].map(Number);
    return student >= 400;
  });
  await solvedBy(page, "cpu").getByText("no GPU here").waitFor(); // the last word: nothing is drawn anew by itself
  await page.locator("#stage").scrollIntoViewIfNeeded();
  for (let i = 0; i < 8; i++) await page.getByRole("button", { name: "Zoom in" }).click();
  const times = await page.evaluate(async () => {
    const stage = document.querySelector("#stage")!;
    const box = stage.getBoundingClientRect();
    const fire = (type: string, x: number, y: number) =>
      stage.dispatchEvent(
        new PointerEvent(type, {
          clientX: box.left + x,
          clientY: box.top + y,
          button: 0,
          pointerId: 1,
          pointerType: "touch",
        }),
      );
    // What is drawn: the matrix on the lower canvas, letters on either.
    const [base, overlay] = stage.querySelectorAll("canvas");
    const work = { matrix: 0, overlay: 0, letters: 0 };
    const { drawImage, clearRect, fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.drawImage = function (...args: unknown[]) {
      if (this.canvas === base) work.matrix++;
      Reflect.apply(drawImage, this, args);
    };
    CanvasRenderingContext2D.prototype.clearRect = function (...args) {
      if (this.canvas === overlay) work.overlay++;
      Reflect.apply(clearRect, this, args);
    };
    CanvasRenderingContext2D.prototype.fillText = function (...args) {
      work.letters++;
      Reflect.apply(fillText, this, args);
    };
    /** Until everything that it set off is done: also what React renders beside the stage. */
    const time = async (act: () => void) => {
      const start = performance.now();
      act();
      await new Promise((resolve) => setTimeout(resolve));
      return performance.now() - start;
    };
    const hover: number[] = [];
    const pan: number[] = [];
    for (let i = 0; i < 40; i++) hover.push(await time(() => fire("pointermove", 120 + 8 * i, 140 + 6 * i)));
    const hovered = { ...work };
    fire("pointerdown", 400, 400);
    for (let i = 0; i < 40; i++) pan.push(await time(() => fire("pointermove", 400 - 5 * i, 400 - 4 * i)));
    fire("pointerup", 200, 240);
    const panned = { matrix: work.matrix - hovered.matrix, letters: work.letters - hovered.letters };
    const median = (list: number[]) =>
      list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Infinity;
    return { hover: median(hover), pan: median(pan), hovered, panned };
  });
  const { hovered, panned } = times;
  expect(hovered.matrix).toBe(0); // a hover draws its mark and two labels
  expect(hovered.overlay).toBeGreaterThan(5); // as often as another cell is under the pointer
  expect(hovered.letters).toBeLessThanOrEqual(2 * hovered.overlay);
  expect(panned.matrix).toBeGreaterThan(20); // the control: a pan does draw the matrix
  expect(panned.matrix).toBeLessThanOrEqual(41);
  expect(panned.letters / panned.matrix).toBeLessThan(250); // of 689 labels only those in view
  console.info(`400 tokens: hover ${times.hover.toFixed(1)} ms, pan ${times.pan.toFixed(1)} ms (median)`); // oxlint-disable-line no-console
  await page.screenshot({ path: join(artifacts, "transport-400.png"), fullPage: true });
});

test("the palette finds commands, and keys go from screen to screen", async () => {
  const { page } = await open();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Type a command" }).fill("themdar");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
  await page.keyboard.press("g");
  await page.keyboard.press("2");
  await page.locator(".run-bar").waitFor();
  await page.keyboard.press("?");
  expect(await page.getByRole("dialog").innerText()).toMatch(/move between cells/);
  expect(await seriousFindings(page)).toEqual([]);
});
