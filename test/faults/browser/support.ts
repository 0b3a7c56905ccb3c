// What the fault tests look at, and what they put into the browser's private file system.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { top } from "../../browser/support/source-page";

/** Every step's loss of the live run, as the page saves it. */
export async function lossesOf(page: Page): Promise<number[]> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    (async () => {
      await page.locator(".run-bar .menu summary").click();
      await page.getByRole("button", { name: "Metrics (.jsonl)" }).click();
    })(),
  ]);
  const lines = readFileSync(await download.path(), "utf8")
    .split("\n")
    .filter(Boolean);
  return lines.map((line, i) => {
    const { step, loss } = JSON.parse(line) as { step: number; loss: number };
    if (step !== i + 1) throw new Error(`Line ${i + 1} is of step ${step}.`);
    return loss;
  });
}

const STUDENT = join(top, "public/models/couplet-student");

/** A copy of the bundled student with another tokenizer, as if a folder had been dropped on the Models page. Its key. */
export async function storedModel(
  page: Page,
  name: string,
  change: (tokenizer: Record<string, unknown>) => object,
): Promise<string> {
  const key = `local:${name}@0badcafe`;
  const files = readdirSync(STUDENT, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(json|safetensors|jinja)$/.test(path))
    .map((path) => [path, readFileSync(join(STUDENT, path))] as const)
    .map(([path, bytes]) => {
      const changed =
        path === "tokenizer.json"
          ? Buffer.from(JSON.stringify(change(JSON.parse(bytes.toString("utf8")) as Record<string, unknown>)))
          : bytes;
      return [path, changed.toString("base64")] as const;
    });
  await page.evaluate(
    async ([folder, stored]) => {
      const encode = (text: string) => encodeURIComponent(text).replaceAll("~", "%7E");
      const root = await navigator.storage.getDirectory();
      const models = await root.getDirectoryHandle("couplet-models", { create: true });
      const model = await models.getDirectoryHandle(encode(folder), { create: true });
      for (const [path, base64] of stored) {
        const file = await (await model.getFileHandle(encode(path), { create: true })).createWritable();
        await file.write(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
        await file.close();
      }
    },
    [key, files] as const,
  );
  return key;
}

export interface KeptFile {
  readonly run: string;
  readonly name: string;
  readonly bytes: number;
}

/** The files of kept runs. */
export const keptFiles = (page: Page): Promise<KeptFile[]> =>
  page.evaluate(async () => {
    const found: { run: string; name: string; bytes: number }[] = [];
    const root = await navigator.storage.getDirectory();
    const top = await root.getDirectoryHandle("couplet-runs", { create: true });
    for await (const [run, folder] of top.entries()) {
      if (!(folder instanceof FileSystemDirectoryHandle)) continue;
      for await (const [name, file] of folder.entries())
        if (file instanceof FileSystemFileHandle)
          found.push({ run, name, bytes: (await file.getFile()).size });
    }
    return found;
  });

/** Flips one bit of a kept file. */
export const flip = (page: Page, { run, name }: KeptFile, at: number, bit: number): Promise<void> =>
  page.evaluate(
    async ([folder, path, place, which]) => {
      const root = await navigator.storage.getDirectory();
      const runs = await root.getDirectoryHandle("couplet-runs");
      const handle = await (await runs.getDirectoryHandle(folder)).getFileHandle(path);
      const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
      bytes[place % bytes.length]! ^= 1 << which;
      const file = await handle.createWritable();
      await file.write(bytes);
      await file.close();
    },
    [run, name, at, bit] as const,
  );
