// A project of somebody who installed the npm package: a folder of its own with what `npm pack` makes, and nothing of this repository.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

export const top = resolve(import.meta.dirname, "../../..");
/** What a consumer of an entry would install beside it. */
const INSTALLED = ["@huggingface/tokenizers", "webgpu"];

export interface Consumer {
  readonly folder: string;
  /** The installed package. */
  readonly package: string;
  write(path: string, text: string): void;
  /** A path of this repository, copied. */
  take(path: string, as: string): void;
  /** Runs a file of the project in Node. */
  node(
    file: string,
    ...args: string[]
  ): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  remove(): void;
}

/** Builds, packs and installs. */
export function makeConsumer(): Consumer {
  execFileSync(process.execPath, [join(top, "scripts/build-parts.mjs")], { stdio: "pipe" });
  const folder = mkdtempSync(join(tmpdir(), "couplet-consumer-"));
  const modules = join(folder, "node_modules");
  const installed = join(modules, "couplet");
  mkdirSync(installed, { recursive: true });
  const packed = execFileSync("npm", ["pack", "--silent", "--offline", "--pack-destination", folder], {
    cwd: join(top, "dist-parts"),
    encoding: "utf8",
  }).trim();
  execFileSync("tar", ["-xzf", join(folder, packed), "-C", installed, "--strip-components=1"]);
  for (const name of INSTALLED) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(top, "node_modules", name), join(modules, name));
  }
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write("package.json", JSON.stringify({ name: "consumer", private: true, type: "module" }));
  return {
    folder,
    package: installed,
    write,
    take: (path, as) => cpSync(join(top, path), join(folder, as), { recursive: true }),
    node: (file, ...args) => spawnSync(process.execPath, [file, ...args], { cwd: folder, encoding: "utf8" }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The first example of a page of docs/parts. */
export function firstExample(page: string): string {
  const text = readFileSync(join(top, "docs/parts", page), "utf8");
  const [, code] = /^```(?:js|html)\n([\s\S]*?)^```/m.exec(text) ?? [];
  if (!code) throw new Error(`${page} has no example`);
  return code;
}

/** kB (1000 bytes), gzipped, of a file with every file that it imports, at once or later. */
export function closureSize(folder: string, entry: string): number {
  const seen = new Set<string>();
  const visit = (file: string): number => {
    if (seen.has(file)) return 0;
    seen.add(file);
    const text = readFileSync(file, "utf8");
    const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*["'`](\.[^"'`]+)["'`]/g)];
    return imported.reduce(
      (sum, [, path = ""]) => sum + visit(resolve(dirname(file), path)),
      gzipSync(text).length / 1000,
    );
  };
  return visit(join(folder, entry));
}

export const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    statSync(join(folder, file)).isFile(),
  );
