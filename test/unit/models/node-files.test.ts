// A model folder on a disk — plan
//   links that stay in the folder, a folder that is a link itself, the hub's cache (snapshots beside blobs): read
//   links that lead out, by a file or by a folder in between, `..` in a name: refused by name in each way of reading
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { folderFiles } from "../../../src/models/files/node-files";

const dir = mkdtempSync(join(tmpdir(), "couplet-links-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const at = (path: string) => join(dir, path);
for (const folder of ["model/onnx", "other", "hub/models--a--b/blobs", "hub/models--a--b/snapshots/c0ffee"])
  mkdirSync(at(folder), { recursive: true });
writeFileSync(at("model/real.json"), "{}");
writeFileSync(at("other/secret"), "s");
writeFileSync(at("hub/models--a--b/blobs/1234"), "{}");
symlinkSync("real.json", at("model/inside.json"));
symlinkSync("../real.json", at("model/onnx/up.json"));
symlinkSync(at("other/secret"), at("model/config.json"));
symlinkSync(at("other"), at("model/away"));
symlinkSync(at("model"), at("called"));
symlinkSync("../../blobs/1234", at("hub/models--a--b/snapshots/c0ffee/config.json"));
symlinkSync(at("other/secret"), at("hub/models--a--b/snapshots/c0ffee/tokenizer.json"));

const all = async (folder: string, path: string) => {
  const files = folderFiles("m", at(folder));
  const stream = await files.stream!(path);
  const slices = await files.slices!(path);
  return {
    has: await files.has(path),
    read: (await files.read(path)).length,
    sizes: [stream.size, slices.size],
  };
};

test.each([
  ["model", "real.json"],
  ["model", "inside.json"],
  ["model", "onnx/up.json"],
  ["called", "inside.json"],
  ["hub/models--a--b/snapshots/c0ffee", "config.json"],
])("read: %s/%s", async (folder, path) => {
  expect(await all(folder, path)).toEqual({ has: true, read: 2, sizes: [2, 2] });
});

test.each([
  ["model", "config.json"],
  ["model", "away/secret"],
  ["model", "../other/secret"],
  ["hub/models--a--b/snapshots/c0ffee", "tokenizer.json"],
])("refused: %s/%s", async (folder, path) => {
  const files = folderFiles("m", at(folder));
  for (const read of [files.read, files.stream!, files.slices!])
    await expect(read(path)).rejects.toThrow(/leads out of the model's folder/);
});

test("what is not there is not there", async () => {
  const files = folderFiles("m", at("model"));
  expect(await files.has("none")).toBe(false);
  await expect(files.read("none")).rejects.toThrow(/none/);
  await expect(folderFiles("m", at("nowhere")).read("config.json")).rejects.toThrow(/config\.json/);
});
