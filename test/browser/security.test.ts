// The page held to its policy — plan
//   policy     no inline script, eval or foreign request runs in the page; no unsafe-eval anywhere; the theme's script does
//   frames     another page's frame shows the figures of #/embed, and of everything else a link to a tab of its own
//   at work    (elsewhere) every test with the real engine runs under the policy and takes any violation for a complaint
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ROUTES } from "../../src/views/routes";
import { startSite, SWIFTSHADER, type Site } from "./support/browser";

let site: Site;
beforeAll(async () => {
  site = await startSite(SWIFTSHADER);
});
afterEach(() => site.closePages());
afterAll(() => site?.close());

test("what the page may not do", async () => {
  const { page, complaints } = await site.open({ engine: "real", hash: "#/learn" });
  await page.locator("main h2").first().waitFor();
  expect(complaints).toEqual([]);
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute("content");
  expect(policy).toMatch(/default-src 'none'/);
  expect(policy).not.toMatch(/'unsafe-eval'|script-src[^;]*unsafe-inline|\*/);
  const tried = await page.evaluate(async () => {
    const violated: string[] = [];
    document.addEventListener(
      "securitypolicyviolation",
      (event) => void violated.push(event.effectiveDirective),
    );
    const seen = globalThis as { ran?: string[] };
    seen.ran = [];
    const inline = document.createElement("script");
    inline.textContent = "globalThis.ran.push('inline')";
    document.body.append(inline);
    document.body.insertAdjacentHTML(
      "beforeend",
      `<img src="data:," onerror="globalThis.ran.push('handler')">`,
    );
    setTimeout("globalThis.ran.push('eval')", 0); // not under the debugger, which may evaluate what it likes
    await fetch("https://couplet.invalid/", { mode: "no-cors" }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { ran: seen.ran, violated };
  });
  expect(tried.ran).toEqual([]);
  expect(new Set(tried.violated)).toEqual(
    new Set(["script-src", "script-src-elem", "script-src-attr", "connect-src"]),
  );
});

test("in another page's frame", async () => {
  const { page } = await site.open({ hash: "#/embed/transport" });
  const address = page.url().replace(/#.*/, "");
  await page.setContent("<title>another page</title>");
  for (const route of ROUTES) {
    await page.evaluate((url) => {
      document.body.innerHTML = `<iframe src="${url}" width="800" height="600"></iframe>`;
    }, `${address}#/${route}`);
    const link = page.frameLocator("iframe").getByRole("link", { name: "Open Couplet in its own tab" });
    await link.waitFor();
    expect(await link.getAttribute("href")).toMatch(/#\/|\/$/);
    expect(await page.frameLocator("iframe").getByRole("button").count(), route).toBe(0);
  }
  await page.evaluate((url) => {
    document.body.innerHTML = `<iframe src="${url}" width="800" height="600"></iframe>`;
  }, `${address}#/embed/transport?v=1&features=bytes`);
  await page.frameLocator("iframe").locator("canvas").first().waitFor();
});
