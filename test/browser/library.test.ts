// the Models page on the built page, with a fake hub on localhost — plan
//   before      nothing is asked of a host until the click that names it; files, sizes, roles, what is here, what is missing
//   download    the button says the bytes; one bar; cancel leaves a model that is not whole and not offered; going on asks for
//               the rest by range, also after a reload; delete asks once more
//   full        a quota that is met in the middle of a download
//   refusals    404; a file cut short: what came is kept and goes on; not a model's name
//   address     a folder on a host, file by file
//   folder      a student without ONNX and a teacher, picked as folders: offered in the settings, kept over a reload,
//               trained for a step by the real engine, their tokens and states on the Transport screen
//   absent      a link that names a model of another browser says so
//   reading     axe, light and dark, 1440 and 390 px
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type FakeHub, fakeHub } from "../unit/models/fake-hub";
import { tinyConfig, tinyFolder } from "../unit/models/tiny";
import { overflow, seriousFindings } from "./support/axe";
import { artifacts, startSite, SWIFTSHADER, type Site } from "./support/browser";

let site: Site;
let hub: FakeHub;
let folder: Map<string, Uint8Array>;
let own: string;
beforeAll(async () => {
  site = await startSite(SWIFTSHADER);
  folder = await tinyFolder({ ...tinyConfig, hiddenSize: 48, headDim: 12, maxPositions: 256 });
  own = mkdtempSync(join(tmpdir(), "couplet-models-"));
  write("my-student", new Map([...folder].filter(([path]) => !path.startsWith("onnx/"))));
  write("my-teacher", new Map([...folder].filter(([path]) => path !== "model.safetensors")));
});
afterEach(async () => {
  await hub?.close();
  await site.closePages();
});
afterAll(async () => {
  await site?.close();
  rmSync(own, { recursive: true, force: true });
});

function write(name: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(own, name, path)), { recursive: true });
    writeFileSync(join(own, name, path), bytes);
  }
}

/** A model of another host than the hub is kept under that host's name. */
const ownKey = () => `hub:${hub.host.replace("http:", "").replace("127.0.0.1", "localhost")}/a/b@c0ffee`;
const card = (page: Page, key = ownKey()) => page.locator(`[data-model="${key}"]`);
/** All but what the person asked the hub for: nothing else leaves the page. */
const unasked = (complaints: readonly string[]) =>
  complaints.filter((line) => !line.startsWith(`request: ${hub.host.replace("127.0.0.1", "localhost")}/`));
const download = (page: Page) => page.getByRole("button", { name: /^Download .* from localhost/ });

async function openHub(page: Page, id = "a/b"): Promise<void> {
  await page.getByLabel("Model", { exact: true }).fill(id);
  await page.getByLabel("Host").fill(hub.host.replace("127.0.0.1", "localhost"));
  await page.getByRole("button", { name: /^Look up on localhost/ }).click();
}

describe("from a host", () => {
  test("what it is and what it costs, before; then one download", async () => {
    hub = await fakeHub("a/b", folder);
    const { page, complaints } = await site.open({ hash: "#/models" });
    await page.getByText("Nothing yet. Look up a model").waitFor();
    expect(await page.getByRole("button", { name: "Look up on huggingface.co" }).count()).toBe(1);
    expect(hub.asked).toEqual([]);
    await openHub(page);
    await download(page).waitFor();
    expect(hub.asked).toHaveLength(2);
    expect(await page.locator(".found").innerText()).toMatch(/model\.safetensors[^]*onnx\/model\.onnx/);
    const both = await download(page).innerText();
    await page.getByLabel("as teacher").uncheck();
    expect(await download(page).innerText()).not.toBe(both);
    await page.getByLabel("as teacher").check();
    expect(hub.asked).toHaveLength(2); // and nothing since
    await page.screenshot({ path: join(artifacts, "models-found.png"), fullPage: true });
    await download(page).click();
    await card(page).waitFor();
    await page.locator(`[data-model="${ownKey()}"][data-whole="true"]`).waitFor();
    expect(await card(page).innerText()).toMatch(
      /from localhost:\d+[^]*revision c0ffee[^]*content [0-9a-f]{12}/,
    );
    await card(page).getByRole("button", { name: "Use as student" }).click();
    expect(await page.getByLabel("Student", { exact: true }).inputValue()).toBe(ownKey());
    await page.waitForFunction(() => location.hash.includes("student=hub:"));
    await page.goto(`${page.url().split("#")[0]}#/models`);
    await card(page).getByRole("button", { name: "Delete" }).click();
    await card(page).getByRole("button", { name: "Yes, delete" }).click();
    await page.getByText("Nothing yet. Look up a model").waitFor();
    expect(unasked(complaints)).toEqual([]);
  });

  test("cancel: never taken for whole; goes on by range after a reload", async () => {
    hub = await fakeHub("a/b", folder);
    const { page } = await site.open({ hash: "#/models" });
    await openHub(page);
    await download(page).waitFor();
    hub.trouble = "slow";
    const whole = await download(page).innerText();
    await download(page).click();
    await page.waitForFunction(() => (document.querySelector("progress")?.value ?? 0) > 20_000);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Stopped. The partial download is kept").waitFor();
    expect(await page.locator(".found tbody").innerText()).toMatch(/KB so far|\scomplete\s/);
    expect(await download(page).innerText()).not.toBe(whole);
    expect(await card(page).getAttribute("data-whole")).toBe("false");
    expect(
      await card(page)
        .getByRole("button", { name: /^Use as/ })
        .count(),
    ).toBe(0);
    await page.reload();
    await card(page)
      .getByText(/Incomplete/)
      .waitFor();
    hub.trouble = "none";
    hub.asked.length = 0;
    await card(page)
      .getByRole("button", { name: /^Resume the download from localhost/ })
      .click();
    await page.locator(`[data-model="${ownKey()}"][data-whole="true"]`).waitFor();
    expect(hub.asked.some((line) => /bytes=\d+-$/.test(line))).toBe(true);
  });

  test("errors in words: 404, a name that is none, a file cut short", async () => {
    hub = await fakeHub("a/b", folder);
    const { page } = await site.open({ hash: "#/models" });
    await page.getByLabel("Model", { exact: true }).fill("nonsense");
    await page.getByRole("button", { name: /^Look up/ }).click();
    await page.getByText("Write a model as owner/name").waitFor();
    await openHub(page, "no/where");
    await page.getByText("answered 404: there is no such model, revision or file").waitFor();
    await openHub(page);
    await download(page).waitFor();
    hub.trouble = "cut";
    await download(page).click();
    await page.getByText(/broke off .* it goes on from there/).waitFor();
    expect(await card(page).getAttribute("data-whole")).toBe("false");
    await hub.close();
    await openHub(page);
    await page.getByText("could not be reached").waitFor();
  });
});

test("a folder at an address: asked for by name, only after the click", async () => {
  hub = await fakeHub("a/b", folder);
  const { page } = await site.open({ hash: "#/models" });
  await page.getByRole("radio", { name: "Address" }).check();
  const url = `${hub.host.replace("127.0.0.1", "localhost")}/a/b/resolve/main`;
  await page.getByLabel("Address of the folder").fill(url);
  expect(hub.asked).toEqual([]);
  await page.getByRole("button", { name: /^Look up on localhost/ }).click();
  await download(page).click();
  const added = card(page, url);
  await page.locator(`[data-model="${url}"][data-whole="true"]`).waitFor();
  expect(await added.getByRole("button", { name: /^Use as/ }).count()).toBe(2);
});

test("a storage that is full says so, and what came is no model", async () => {
  hub = await fakeHub("a/b", folder);
  const { page } = await site.open({ hash: "#/models" });
  await openHub(page);
  const browser = await page.context().newCDPSession(page);
  const { origin } = new URL(page.url());
  await browser.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 150_000 });
  await download(page).click();
  await page.getByText("The browser's storage for this page is full. What came is kept").waitFor();
  expect(await card(page).getAttribute("data-whole")).toBe("false");
});

test("own folders: a student and a teacher, kept, used, trained for a step", async () => {
  hub = await fakeHub("a/b", new Map());
  const { page, complaints } = await site.open({ hash: "#/models", engine: "real" });
  await page.getByRole("radio", { name: "Folder" }).check();
  const pick = page.locator('[data-picker="Choose a folder…"]');
  await pick.setInputFiles(join(own, "my-teacher"));
  await page.getByText("my-teacher @").first().waitFor();
  await page.locator('[data-model^="local:my-teacher"][data-whole="true"]').waitFor();
  await pick.setInputFiles(join(own, "my-student"));
  const student = page.locator('[data-model^="local:my-student"][data-whole="true"]');
  await student.waitFor();
  expect(await student.innerText()).toMatch(/teacher about .*its ONNX graph is built from the weights/);
  await student.getByRole("button", { name: "Use as student" }).click();
  await page.goto(`${page.url().split("#")[0]}#/models`);
  await page
    .locator('[data-model^="local:my-teacher"]')
    .getByRole("button", { name: "Use as teacher" })
    .click();
  expect(await page.getByLabel("Student", { exact: true }).inputValue()).toMatch(/^local:my-student@/);
  await page.waitForFunction(() =>
    /teacher=local:my-teacher.*student=|student=.*teacher=/.test(location.hash),
  );
  const small =
    "&steps=2&batchSize=1&evaluation.everySteps=0&evaluation.rows=0&data.maxLength=48&data.maxPrompt=24&data.rows=4";
  await page.goto(page.url() + small);
  await page.reload();
  await page.getByText("step 0 / 2").waitFor();
  await page.locator('.standing[data-status="ready"]').waitFor();
  await page.getByRole("button", { name: "Step", exact: true }).click();
  await page.locator('.standing[data-step="1"]').waitFor();
  expect(await page.locator(".notice-bad").count()).toBe(0);
  await page.goto(`${page.url().split("#")[0]}#/transport`);
  for (const role of ["student", "teacher"]) {
    const select = page.locator(".panel-text").getByLabel(role, { exact: true });
    const [name = ""] = await select.locator(`option[value^="local:my-${role}"]`).all();
    await select.selectOption(name === "" ? "" : await name.getAttribute("value"));
  }
  await page.waitForFunction(() => /models\.student=local:my-student@/.test(location.hash));
  await page.locator(".panel-stage .tag").waitFor({ state: "detached" });
  expect(await page.locator(".panel-stage .issue").count()).toBe(0);
  expect(unasked(complaints)).toEqual([]);
});

test("a link that names what is not here says so, and where to add it", async () => {
  const { page } = await site.open({ hash: "#/distill?v=1&student=hub:some/one@0123456789abcdef" });
  const notice = page.locator('[data-notice="absent-models"]');
  expect(await notice.innerText()).toMatch(/some\/one @01234567/);
  await notice.getByRole("link", { name: "Add it on Models" }).click();
  await page.getByText("Added by you").waitFor();
});

describe.each(["light", "dark"] as const)("%s", (colorScheme) => {
  test.each([1440, 390])("reads well at %i px", async (width) => {
    hub = await fakeHub("a/b", folder);
    const context = { colorScheme, viewport: { width, height: width === 390 ? 844 : 900 } };
    const { page, complaints } = await site.open({ hash: "#/models", context });
    await openHub(page);
    await download(page).click();
    await card(page).waitFor();
    await openHub(page);
    await page.locator(".found").waitFor();
    await page.screenshot({ path: join(artifacts, `models-${colorScheme}-${width}.png`), fullPage: true });
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    expect(await seriousFindings(page)).toEqual([]);
    expect(unasked(complaints)).toEqual([]);
  });
});
