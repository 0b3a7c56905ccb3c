// A blank page of a real Chromium that can import this repository's sources, served by vite: for tests of what a browser
// computes, without the page around it.
import { join, resolve } from "node:path";
import { chromium, type Page } from "playwright-core";
import { createServer } from "vite";
import { findChromium } from "./browser";

export const top = resolve(import.meta.dirname, "../../..");

/** A folder's files; base64, as arguments of the page's functions are JSON. */
export type Folder = [string, string][];
export const base64 = (folder: ReadonlyMap<string, Uint8Array>): Folder =>
  [...folder].map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]);

export interface SourcePage {
  readonly page: Page;
  /** Requests that left this machine. */
  readonly outside: readonly string[];
  close(): Promise<void>;
}

/** @param module runs in the page; it is over when it has set `globalThis[ready]` */
export async function openSourcePage(
  module: string,
  ready: string,
  flags: readonly string[] = [],
): Promise<SourcePage> {
  const server = await createServer({
    root: top,
    logLevel: "error",
    cacheDir: join(top, ".cache/vite-browser"),
    optimizeDeps: { include: ["@huggingface/transformers"], entries: ["index.html"] },
    server: { port: 0, host: "127.0.0.1", hmr: false, watch: null },
  });
  await server.listen();
  const browser = await chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox", ...flags] });
  const close = async () => {
    await browser.close();
    await server.close();
  };
  try {
    const page = await browser.newPage();
    const outside: string[] = [];
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") outside.push(request.url());
    });
    await page.route("**/blank", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
    );
    await page.goto(`${server.resolvedUrls!.local[0]!}blank`);
    await page.addScriptTag({ type: "module", content: module });
    await page.waitForFunction((name) => name in globalThis, ready, { timeout: 60_000 });
    return { page, outside, close };
  } catch (error) {
    await close();
    throw error;
  }
}
