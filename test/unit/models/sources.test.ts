// models from a host, an address or a dropped folder — plan (a fake hub on localhost; no other host is ever asked)
//   look up    sizes, commit, roles, choices, what is stored; two small requests; what a model lacks in either role
//   download   all files in order under one progress; redirects; slow hosts; a host that ignores ranges
//   resume     a download that is cut, silent, short or stopped goes on by range from where it was; a range that begins
//              elsewhere begins anew
//   refusals   404, private, busy, unreachable, changed length; names that are none
//   store      whole and begun files are told apart; list, delete; stored and dropped folders open as models
//   silence    opening a stored model asks nobody
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import {
  download,
  droppedFiles,
  fits,
  inspectLocal,
  inspectRemote,
  keyOf,
  listRemote,
  loadStudentWeights,
  memoryFiles,
  memoryStore,
  openTeacher,
  type RemoteSource,
  storedFiles,
} from "../../../src/models";
import { type FakeHub, fakeHub, type Trouble } from "./fake-hub";
import { encode, tinyFolder } from "./tiny";

const ID = "someone/tiny";
let hub: FakeHub;
let source: RemoteSource;
let folder: Map<string, Uint8Array>;

beforeEach(async () => {
  folder = await tinyFolder();
  hub = await fakeHub(ID, folder);
  source = { kind: "hub", id: ID, host: hub.host };
});
afterEach(() => hub.close());

const all = () => [...folder].map(([path, { length }]) => ({ path, bytes: length }));
const BIG = "onnx/model.onnx";
const big = () => all().filter(({ path }) => path === BIG);
const stored = async (store: ReturnType<typeof memoryStore>, path: string) =>
  new Uint8Array(await (await store.open(keyOf(source), path))!.arrayBuffer());

test("looking a model up: roles and sizes, in two small requests", async () => {
  const store = memoryStore();
  const seen = await inspectRemote(source, store);
  expect(hub.asked).toEqual([
    `GET /api/models/${ID}/revision/main?blobs=true`,
    `GET /${ID}/resolve/c0ffee/config.json`,
  ]);
  const pinned = { ...source, revision: "c0ffee" };
  expect(seen).toMatchObject({ key: keyOf(pinned), source: pinned, modelType: "llama" });
  if (!seen.teacher.can || !seen.student.can) throw new Error("both roles were expected");
  const [teacher] = seen.teacher.choices;
  const [student] = seen.student.choices;
  expect(teacher!.dtype).toBe("fp32");
  expect(teacher!.files.map(({ path }) => path)).toEqual([
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    BIG,
  ]);
  expect(student!.files.map(({ path }) => path)).toContain("model.safetensors");
  expect(teacher!.missingBytes).toBe(teacher!.bytes);
  const { tensors } = await loadStudentWeights(memoryFiles("tiny", folder));
  const parameters = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  expect(student!.memoryBytes).toBe(4 * 4 * parameters); // weights, gradients, two moments

  await download(seen.source!, teacher!.files, store);
  const again = await inspectRemote(source, store);
  expect(again.teacher.can && again.teacher.choices[0]!.missingBytes).toBe(0);
  expect(again.student.can && again.student.choices[0]!.missingBytes).toBe(
    folder.get("model.safetensors")!.length,
  );
  expect(fits(teacher!, { storageBytes: 1000 })).toMatchObject({ fits: false });
  expect(fits(teacher!, { memoryBytes: 1e9 })).toEqual({ fits: true });
});

test.each([
  [
    "no weights",
    ["model.safetensors", BIG],
    {},
    /no ONNX file.*runs in ONNX Runtime/,
    /no model\.safetensors/,
  ],
  [
    "an encoder",
    [],
    { model_type: "bert" },
    /model_type is "bert"; teachers are decoders/,
    /model_type is "bert"/,
  ],
  ["no tokenizer", ["tokenizer.json"], {}, /it lacks tokenizer\.json/, /it lacks tokenizer\.json/],
])("what a model lacks: %s", async (_, without, config, teacher, student) => {
  for (const path of without) folder.delete(path);
  const json = JSON.parse(new TextDecoder().decode(folder.get("config.json"))) as object;
  folder.set("config.json", encode({ ...json, ...config }));
  const seen = await inspectRemote(source, memoryStore());
  expect(seen.teacher.can ? "" : seen.teacher.why).toMatch(teacher);
  if (student) expect(seen.student.can ? "" : seen.student.why).toMatch(student);
  else expect(seen.student.can).toBe(true);
});

test.each<Trouble>(["none", "redirect", "slow"])("download: %s", async (trouble) => {
  const store = memoryStore();
  hub.trouble = trouble;
  const seen: { loaded: number; total: number }[] = [];
  await download(source, all(), store, (progress) => seen.push(progress));
  const total = all().reduce((sum, { bytes }) => sum + bytes, 0);
  expect(seen.at(-1)).toMatchObject({ loaded: total, total });
  expect(seen.map(({ loaded }) => loaded)).toEqual(
    seen.map(({ loaded }) => loaded).toSorted((a, b) => a - b),
  );
  for (const [path, bytes] of folder) expect(await stored(store, path), path).toEqual(bytes);
  const asked = hub.asked.length;
  await download(source, all(), store); // control: nothing is asked for twice
  expect(hub.asked.length).toBe(asked);
});

test.each<[Trouble, RegExp]>([
  ["cut", /broke off.*goes on from there/],
  ["silent", /broke off \(nothing came for 1\.5 s\)/],
  ["short", /broke off \(1000 of \d+ bytes came\)/],
])("resume after: %s", async (trouble, message) => {
  const store = memoryStore();
  hub.trouble = trouble;
  const patienceMs = trouble === "silent" ? 1500 : 20_000;
  await expect(download(source, big(), store, undefined, { patienceMs })).rejects.toThrow(message);
  expect(await store.file(keyOf(source), BIG)).toEqual({ path: BIG, bytes: 1000, whole: false });
  expect(await store.open(keyOf(source), BIG)).toBeUndefined();
  hub.trouble = "none";
  await download(source, big(), store);
  expect(hub.asked.at(-1)).toBe(`GET /${ID}/resolve/main/${BIG} bytes=1000-`);
  expect(await stored(store, BIG)).toEqual(folder.get(BIG));
});

test.each<Trouble>(["no-ranges", "wrong-range"])("a host that answers ranges badly: %s", async (trouble) => {
  const store = memoryStore();
  hub.trouble = "cut";
  await expect(download(source, big(), store)).rejects.toThrow("broke off");
  hub.trouble = trouble;
  await download(source, big(), store);
  expect(await stored(store, BIG)).toEqual(folder.get(BIG));
});

test("stopping keeps what came, and going on fetches the rest", async () => {
  const store = memoryStore();
  hub.trouble = "slow";
  const stop = new AbortController();
  const work = download(
    source,
    big(),
    store,
    ({ loaded }) => loaded > 3000 && stop.abort(new Error("stopped")),
    {
      signal: stop.signal,
    },
  );
  await expect(work).rejects.toThrow("stopped");
  const { bytes } = (await store.file(keyOf(source), BIG))!;
  expect(bytes).toBeGreaterThan(3000);
  expect(bytes).toBeLessThan(folder.get(BIG)!.length);
  hub.trouble = "none";
  await download(source, big(), store);
  expect(hub.asked.at(-1)).toContain(`bytes=${bytes}-`);
  expect(await stored(store, BIG)).toEqual(folder.get(BIG));
});

test.each<[Trouble, RegExp]>([
  ["private", /answered 401: it is private or asks for an agreement.*drop the folder here/],
  ["busy", /answered 429: the host asks to wait/],
  ["changed", /was listed with \d+ bytes and comes with \d+: it has changed\. Look the model up again/],
])("refusal: %s", async (trouble, message) => {
  hub.trouble = trouble;
  await expect(download(source, big(), memoryStore())).rejects.toThrow(message);
});

test("what is not there", async () => {
  const store = memoryStore();
  await expect(download(source, [{ path: "nothing.bin" }], store)).rejects.toThrow(
    /answered 404: there is no such/,
  );
  const other: RemoteSource = { kind: "hub", id: "someone/else", host: hub.host };
  await expect(inspectRemote(other, store)).rejects.toThrow(/answered 404.*check the name/);
  const nobody: RemoteSource = { kind: "hub", id: ID, host: "http://127.0.0.1:9" };
  await expect(inspectRemote(nobody, store)).rejects.toThrow(/could not be reached.*Are you online/);
});

test("an address: files are found by name, and load", async () => {
  const address: RemoteSource = { kind: "address", url: `${hub.host}/${ID}/resolve/main/` };
  const { files } = await listRemote(address, ["config.json", BIG, "onnx/model_q4.onnx"]);
  expect(files.map(({ path }) => path)).toEqual(["config.json", BIG]);
  const store = memoryStore();
  await download(address, all(), store);
  expect((await loadStudentWeights(storedFiles(store, keyOf(address)))).config.layers).toBe(2);
});

test("a stored model opens as teacher and student, and asks nobody", async () => {
  const store = memoryStore();
  await download(source, all(), store);
  await hub.close();
  const spy = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("no host may be asked"));
  const files = storedFiles(store, keyOf(source));
  const teacher = await openTeacher(files, { device: "cpu" });
  expect(await teacher.generate("the", { maxNewTokens: 2 })).toBeTypeOf("string");
  await teacher.dispose();
  expect((await loadStudentWeights(files)).tensors.size).toBeGreaterThan(10);
  expect(spy).not.toHaveBeenCalled();
  spy.mockRestore();
  hub = await fakeHub(ID, folder);
});

test("the store lists, tells whole from begun, and deletes", async () => {
  const store = memoryStore();
  await download(source, all().slice(0, 2), store);
  const writer = await store.append(keyOf(source), "begun.bin", 0);
  await writer.write(new Uint8Array(7));
  const [model] = await store.list();
  expect(model!.key).toBe(`hub:${hub.host.replace("http:", "")}/${ID}@main`);
  expect(model!.files.at(-1)).toEqual({ path: "begun.bin", bytes: 7, whole: false });
  await store.delete(keyOf(source), "begun.bin");
  expect((await store.list())[0]!.files).toHaveLength(2);
  await store.delete(keyOf(source));
  expect(await store.list()).toEqual([]);
});

test("a dropped folder, or its files alone, is a model", async () => {
  for (const name of ["my model/", "", "a/b/"]) {
    const blobs = new Map(
      [...folder].map(([path, bytes]) => [name + path, new Blob([new Uint8Array(bytes)])]),
    );
    const files = droppedFiles("dropped", blobs);
    expect((await loadStudentWeights(files)).config.vocabSize).toBe(272);
    const seen = await inspectLocal(files, all());
    expect([seen.teacher.can, seen.student.can]).toEqual([true, true]);
  }
  const flat = new Map(
    [...folder].map(([path, bytes]) => [path.split("/").at(-1)!, new Blob([new Uint8Array(bytes)])]),
  );
  const teacher = await openTeacher(droppedFiles("flat", flat), { device: "cpu" });
  await teacher.dispose();
  await expect(loadStudentWeights(droppedFiles("nothing", new Map()))).rejects.toThrow(/needs config\.json/);
});
