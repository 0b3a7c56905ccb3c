// the Data page on the built page — plan
//   the whole way   a JSONL file: format named, guess shown and changed, both tokenizations, what is cut and drops out, split;
//                   used in Distill, there after a reload, trained for a step by the real engine; deleted
//   dropped     on the page
//   by hand         pasted columns that no guess fits; a pasted table whose columns are known needs no hand
//   files           Parquet by its own part of the page, gzip, one of two lists, what is refused by name
//   large           100,000 rows: the page is never blocked for long
//   absent          a link that names rows of another browser
//   reading         axe, light and dark, 1440 and 390 px
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, startSite, SWIFTSHADER, type Site } from "./support/browser";

let site: Site;
let dir: string;
beforeAll(async () => {
  site = await startSite(SWIFTSHADER);
  dir = mkdtempSync(join(tmpdir(), "couplet-data-"));
});
afterEach(() => site.closePages());
afterAll(async () => {
  await site?.close();
  rmSync(dir, { recursive: true, force: true });
});

const NAMES = ["Mia", "Noah", "Zoe", "Will", "Yara"];
const sums = (n: number) =>
  Array.from({ length: n }, (_, i) => {
    const [a, b] = [3 + (i % 17), 2 + (i % 11)];
    const question = `${NAMES[i % 5]} has ${a} books and finds ${b}. How many, in row ${i}?`;
    return JSON.stringify({
      question,
      answer: `${a} + ${b} = <<${a}+${b}=${a + b}>>${a + b}.\n#### ${a + b}`,
    });
  }).join("\n");

function file(name: string, content: string): string {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
}
const pick = (page: Page, path: string) => page.locator('[data-picker="Choose a file…"]').setInputFiles(path);

test("a file is read, mapped, seen through both tokenizers, used, kept and trained on", async () => {
  const { page, complaints } = await site.open({ hash: "#/data", engine: "real" });
  page.setDefaultTimeout(110_000);
  await pick(page, file("sums.jsonl", `${sums(60)}\n{"question": "no answer"}\n{broken`));
  await page.getByText("Recognized: GSM8K").waitFor();
  await page.getByText("60 rows, all with a chain of thought").waitFor();
  await page.getByText("2 rows skipped").click();
  await page.getByText("All 60 rows.").waitFor();
  expect(await page.locator(".token-row").count()).toBe(6);
  expect(await page.locator(".chips-teacher .token-chip").count()).toBeLessThan(
    await page.locator(".chips-student .token-chip").count(),
  );
  expect(await page.locator(".data-summary").innerText()).toMatch(
    /Split by seed \d+: \d+ rows train, \d+ held out/,
  );
  await page.screenshot({ path: join(artifacts, "data-real.png"), fullPage: true });
  await page.getByLabel("Max prompt").fill("24");
  await page.getByLabel("Max length").fill("40");
  await page.getByText(/[1-9]\d* rows are truncated/).waitFor();
  await page.getByText(/rows are longer than the limits: .* would keep 9[5-9] %\./).waitFor();
  await page.getByLabel("Max length").fill("192");
  await page.getByLabel("Max prompt").fill("128");
  await page.getByText(/ 0 rows are truncated/).waitFor();
  await page.getByLabel("Format").selectOption({ label: "columns chosen by hand" });
  await page.getByText("The columns were guessed").waitFor();
  await page.getByLabel("Format").selectOption({ label: "GSM8K, answer behind ####" });
  await page.getByText("All 60 rows.").waitFor();
  await page.getByRole("button", { name: "Use in Distill" }).click();
  await page.waitForFunction(() => /data\.source=own:sums\.jsonl@/.test(location.hash));
  const small =
    "&steps=2&batchSize=1&evaluation.everySteps=0&evaluation.rows=0&data.maxLength=96&data.maxPrompt=48&data.rows=8";
  await page.goto(page.url() + small);
  await page.reload();
  await page.locator('.standing[data-status="ready"]').waitFor();
  await page.getByText(/^\d rows train, \d+ held out/).waitFor();
  await page.getByRole("button", { name: "Step", exact: true }).click();
  await page.locator('.standing[data-step="1"]').waitFor();
  expect(await page.locator(".notice-bad").count()).toBe(0);
  await page.goto(`${page.url().split("#")[0]}#/data`);
  const kept = page.locator("[data-set]");
  await kept.getByRole("button", { name: "Preview" }).click();
  await page.getByText("All 60 rows.").waitFor();
  await kept.getByRole("button", { name: "Delete" }).click();
  await kept.getByRole("button", { name: "Yes, delete" }).click();
  await page.getByText("Nothing yet. Rows are saved").waitFor();
  expect(complaints).toEqual([]);
});

test("pasted columns that no guess fits are chosen by hand", async () => {
  const { page } = await site.open({ hash: "#/data" });
  await page.getByText("Paste rows", { exact: true }).click();
  await page.getByLabel("or paste rows here").fill("frage,antwort\nWas ist 1+1?,zwei\nWas ist 2+2?,vier\n");
  await page.getByRole("button", { name: "Read the pasted rows" }).click();
  await page.getByText(/no column looks like a prompt/).waitFor();
  expect(await page.getByLabel("Read as").inputValue()).toBe("csv"); // told by its content
  await page.getByLabel("Chain of thought").selectOption("frage");
  await page.getByLabel("Prompt", { exact: true }).selectOption("frage");
  await page.getByText("2 rows, all with a chain of thought").waitFor();
  await page.getByLabel("Chain of thought").selectOption({ label: "none" });
  await page.getByText("2 rows, 0 with a chain of thought").waitFor();
  expect(await page.getByLabel("Output").inputValue()).toBe("antwort");
});

test("tables without a name, Parquet, gzip, splits, and what is no data", async () => {
  const { page, complaints } = await site.open({ hash: "#/data" });
  await page.getByText("Paste rows", { exact: true }).click();
  const rows = page.locator(".data-facts");
  await page.getByLabel("or paste rows here").fill("prompt;output\nWhat is 2+2?;4\nWhat is 3+3?;6\n");
  await page.getByRole("button", { name: "Read the pasted rows" }).click();
  await page.getByText("Cells are separated by semicolons.").waitFor();
  await expect.poll(() => rows.innerText()).toMatch(/^2 rows/);
  const fixtures = join(import.meta.dirname, "../fixtures/data");
  await pick(page, join(fixtures, "sums-snappy.parquet"));
  await page.getByText("1 row skipped").waitFor();
  await expect.poll(() => page.getByLabel("Read as").inputValue()).toBe("parquet");
  const lists = {
    train: [
      { prompt: "a", output: "1" },
      { prompt: "b", output: "2" },
    ],
    test: [{ prompt: "c", output: "3" }],
  };
  writeFileSync(join(dir, "lists.json.gz"), gzipSync(JSON.stringify(lists)));
  await pick(page, join(dir, "lists.json.gz"));
  await page.getByText("Unpacked from gzip.").waitFor();
  await expect.poll(() => rows.innerText()).toMatch(/^2 rows.*"train" is read/s);
  await page.getByLabel("List of rows").selectOption("all");
  await page.getByText("3 rows, 0 with").waitFor();
  await page.screenshot({ path: join(artifacts, "data-lists.png"), fullPage: true });
  await pick(page, join(fixtures, "sums.arrow"));
  await page
    .getByText(/is an Arrow \(Feather\) file, which is not read; save its rows as JSON lines/)
    .waitFor();
  writeFileSync(join(dir, "old.csv"), Buffer.from("prompt,output\nCaf\xe9?,oui\n", "latin1"));
  await pick(page, join(dir, "old.csv"));
  await page.getByText(/byte 0xE9 at 17, in line 2.*Save it as UTF-8/).waitFor();
  expect(complaints).toEqual([]);
});

test("100,000 rows leave the page quick", async () => {
  const watch = `
    globalThis.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration);
    }).observe({ type: "longtask" });`;
  const { page } = await site.open({ hash: "#/data", before: watch });
  await page.getByText("No file yet.").waitFor();
  const path = file("many.jsonl", sums(100_000));
  await page.waitForTimeout(1500); // what opening the page took is not the file's
  await page.evaluate(() => Reflect.set(globalThis, "longest", 0));
  const started = Date.now();
  await pick(page, path);
  await page.getByText("100,000 rows, all with").waitFor();
  await page.getByText("1,000 rows, spread over all 100,000.").waitFor();
  const elapsed = Date.now() - started;
  await page.waitForTimeout(300); // entries of the observer come late
  const longest = await page.evaluate(() => Reflect.get(globalThis, "longest") as number);
  const took = await page.locator(".data-facts").innerText();
  console.info(`100,000 rows: ${took}; longest task of the page ${longest.toFixed(0)} ms`); // oxlint-disable-line no-console
  expect(longest).toBeLessThan(elapsed / 4); // the worker reads: no task of the page is a large part of it
});

test("a file that is dropped on the page is read", async () => {
  const { page } = await site.open({ hash: "#/data" });
  await page.getByText("No file yet.").waitFor();
  await page.locator(".data-page").evaluate((node, content) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([content], "dropped.jsonl"));
    for (const type of ["dragover", "drop"])
      node.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, sums(9));
  await page.getByText("9 rows, all with a chain of thought").waitFor();
  expect(await page.locator(".panel-file h3").innerText()).toMatch(/^dropped\.jsonl/);
});

test("a link that names rows that are not here says so", async () => {
  const { page } = await site.open({ hash: "#/distill?v=1&data.source=own:mine.jsonl@0123456789ab" });
  expect(await page.locator('[data-notice="absent-rows"]').innerText()).toMatch(/mine\.jsonl @01234567/);
});

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test.each([1440, 390])("reads well at %i px", async (width) => {
    const context = { colorScheme, viewport: { width, height: width === 390 ? 844 : 900 } };
    const { page, complaints } = await site.open({ hash: "#/data", context });
    await pick(page, file("few.jsonl", `${sums(12)}\n{broken`));
    await page.getByText("1 row skipped").click();
    await page.locator(".token-row").first().waitFor();
    await page.screenshot({ path: join(artifacts, `data-${colorScheme}-${width}.png`), fullPage: true });
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await seriousFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
