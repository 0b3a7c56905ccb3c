// the library worker's logic — plan (a fake hub on localhost)
//   the whole way   look up, download with progress, list with sizes, inspect, delete
//   stop            keeps what came; download goes on
//   import          a dropped folder becomes a stored model that opens, named by what is in it; a graph without taps
//   states          what teachers computed is listed with sizes and deleted, one set or all
//   failure         in words, with the command it belongs to; the next command works
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createStateSets,
  loadStudentWeights,
  memoryStore,
  type RemoteSource,
  storedFiles,
} from "../../src/models";
import { createLibrary } from "../../src/worker/library";
import { libraryFolder } from "../../src/worker/own-sources";
import type { LibraryEvent } from "../../src/worker/protocol";
import { type FakeHub, fakeHub } from "./models/fake-hub";
import { tinyFolder } from "./models/tiny";

let hub: FakeHub;
/** A model of another host than the hub is kept under that host's name. */
const key = (revision: string) => `hub:${hub.host.replace("http:", "")}/a/b@${revision}`;
let folder: Map<string, Uint8Array>;
let source: RemoteSource;
let events: LibraryEvent[];

beforeEach(async () => {
  folder = await tinyFolder();
  hub = await fakeHub("a/b", folder);
  source = { kind: "hub", id: "a/b", host: hub.host };
  events = [];
});
afterEach(() => hub.close());

const states = createStateSets(memoryStore());
const open = (onEvent: (event: LibraryEvent) => void = () => undefined) => {
  const store = memoryStore();
  const estimate = async () => ({ usage: 10, quota: 110 });
  const post = (event: LibraryEvent) => {
    events.push(event);
    onEvent(event);
  };
  return {
    store,
    library: createLibrary(post, {
      store,
      states,
      estimate,
      request: { patienceMs: 20_000 },
    }),
  };
};
const last = <T extends LibraryEvent["type"]>(type: T) =>
  events.findLast((event): event is Extract<LibraryEvent, { type: T }> => event.type === type)!;

test("look up, download, list, inspect, delete", async () => {
  const { library, store } = open();
  await library.handle({ type: "look-up", source });
  const { student, source: pinned } = last("looked-up").inspection;
  if (!student.can || !pinned) throw new Error("expected a student at a commit");
  expect(last("looked-up").fitProblems).toEqual({
    teacher: [expect.stringMatching(/stores 0 MB more/)],
    student: [expect.stringMatching(/to come/)],
  });
  const { files, bytes } = student.choices[0]!;
  await library.handle({ type: "download", source: pinned, files });
  expect(last("progress").progress).toMatchObject({ loaded: bytes, total: bytes });
  expect(last("downloaded").key).toBe(key("c0ffee"));
  expect(last("stored")).toMatchObject({ usedBytes: 10, freeBytes: 100 });
  const [model] = last("stored").models;
  expect(model).toMatchObject({ key: key("c0ffee"), bytes, whole: true, missing: [], source: pinned });
  expect(model!.mark).toMatch(/^[0-9a-f]{12}$/);
  expect(model!.inspection!.student.can).toBe(true);
  // Its ONNX file was not asked for: one is made of the weights.
  expect(model!.inspection!.teacher).toMatchObject({ can: true, choices: [{ dtype: "fp32", made: true }] });
  expect((await loadStudentWeights(await libraryFolder(store, key("c0ffee")))).config.layers).toBe(2);
  await library.handle({ type: "delete", key: key("c0ffee") });
  await expect(libraryFolder(store, key("c0ffee"))).rejects.toThrow(
    /uses the model hub:\/\/127\.0\.0\.1:\d+\/a\/b@c0ffee, which is not in this browser/,
  );
  expect(last("stored").models).toEqual([]);
});

test("stop keeps what came, download goes on", async () => {
  hub.trouble = "slow";
  const files = [{ path: "onnx/model.onnx", bytes: folder.get("onnx/model.onnx")!.length }];
  let stopped = false;
  const { library, store } = open((event) => {
    if (event.type !== "progress" || event.progress.loaded < 3000 || stopped) return;
    stopped = true;
    void library.handle({ type: "stop" });
  });
  await library.handle({ type: "download", source, files });
  expect(last("stopped").key).toBe(key("main"));
  const [begun] = last("stored").models;
  expect(begun).toMatchObject({ whole: false, missing: files, source });
  expect(begun!.inspection).toBeUndefined();
  await expect(libraryFolder(store, key("main"))).rejects.toThrow(/only partly in this browser/);
  expect((await store.file(key("main"), "onnx/model.onnx"))!.whole).toBe(false);
  hub.trouble = "none";
  await library.handle({ type: "download", source, files });
  expect(hub.asked.at(-1)).toMatch(/bytes=\d{4,}-$/);
  expect((await store.file(key("main"), "onnx/model.onnx"))!.whole).toBe(true);
});

test("a dropped folder becomes a stored model", async () => {
  const { library, store } = open();
  const files = new Map(
    [...folder].map(([path, bytes]) => [`dropped/${path}`, new Blob([new Uint8Array(bytes)])]),
  );
  await library.handle({ type: "import", name: "mine", files });
  const { key } = last("downloaded");
  expect(key).toMatch(/^local:mine@[0-9a-f]{12}$/);
  const roles = last("stored").models[0]!.inspection!;
  expect([roles.teacher.can, roles.student.can]).toEqual([true, true]);
  expect((await loadStudentWeights(storedFiles(store, key))).config.layers).toBe(2);
  await library.handle({ type: "import", name: "mine", files });
  expect(last("downloaded").key, "the same folder has the same name").toBe(key);
  const weights = folder.get("model.safetensors")!.slice();
  weights[weights.length - 9]! ^= 1;
  await library.handle({
    type: "import",
    name: "mine",
    files: new Map([...files, ["dropped/model.safetensors", new Blob([weights])]]),
  });
  expect(last("downloaded").key, "one bit of the weights makes another name").not.toBe(key);
  await library.handle({ type: "import", name: "photos", files: new Map([["a.png", new Blob(["x"])]]) });
  expect(last("failed").failure.why).toMatch(
    /photos is not a model folder: there is no config\.json among its 1/,
  );
  expect(hub.asked).toEqual([]);
});

test("a graph without taps is no teacher, and says why", async () => {
  const { library } = open();
  const files = new Map([...folder].map(([path, bytes]) => [path, new Blob([new Uint8Array(bytes)])]));
  files.set("onnx/model.onnx", new Blob([new Uint8Array(64)]));
  await library.handle({ type: "import", name: "odd", files });
  const { teacher, student } = last("stored").models[0]!.inspection!;
  expect(teacher.can ? "" : teacher.why).not.toBe("");
  expect(student.can).toBe(true);
});

test("a failure says which command and why; the next one works", async () => {
  const { library } = open();
  await library.handle({ type: "look-up", source: { ...source, id: "no/where" } as RemoteSource });
  expect(last("failed")).toMatchObject({ command: "look-up", failure: { code: "model-missing-file" } });
  expect(last("failed").failure.why).toContain("answered 404");
  await library.handle({ type: "list" });
  expect(last("stored").models).toEqual([]);
});

test("states of teachers are listed and deleted", async () => {
  const { library } = open();
  for (const teacher of ["a#q4", "b"]) {
    const set = await states.open({ teacher, identity: "x", taps: ["hidden"] });
    const tensors = new Map([["hidden", { shape: [2, 3], data: new Float32Array(6) }]]);
    await set.write("row", { tensors, note: "" });
    await set.flush();
  }
  await library.handle({ type: "list-states" });
  const { sets, maxBytes } = last("states");
  expect(sets.map(({ teacher, taps }) => [teacher, taps])).toEqual([
    ["a#q4", ["hidden"]],
    ["b", ["hidden"]],
  ]);
  expect(sets.every(({ bytes, lastUsed }) => bytes > 24 && lastUsed > 1.7e12)).toBe(true);
  expect(maxBytes).toBe(2 ** 31);
  await library.handle({ type: "delete-states", key: sets[0]!.key });
  expect(last("states").sets.map(({ teacher }) => teacher)).toEqual(["b"]);
  await library.handle({ type: "delete-states" });
  expect(last("states").sets).toEqual([]);
});

test("what one host sent is not another's, whatever commit that one claims", async () => {
  const { library, store } = open();
  await library.handle({ type: "look-up", source });
  const first = last("looked-up").inspection;
  if (!first.student.can || !first.source) throw new Error("expected a student");
  const files = first.student.choices[0]!.files;
  await library.handle({ type: "download", source: first.source, files });
  const other = await fakeHub("a/b", folder); // the same name, the same commit, another port
  try {
    await library.handle({ type: "look-up", source: { kind: "hub", id: "a/b", host: other.host } });
    const second = last("looked-up").inspection;
    expect(second.key).not.toBe(first.key);
    for (const { path } of files) {
      expect((await store.file(first.key, path))!.whole).toBe(true);
      expect(await store.file(second.key, path)).toBeUndefined();
    }
  } finally {
    await other.close();
  }
});
