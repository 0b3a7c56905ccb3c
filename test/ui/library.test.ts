// models on this device, as the page knows them — plan
//   events     a look-up, a transfer with its pace, how it ends, a failure of each command; a partial model is not offered
//   names      what a config may name by role; which of a config's models are absent, and only once the list is known
//   sources    what a person types, and what is none
import { beforeEach, expect, test, vi } from "vitest";
import {
  absentModels,
  createModelLibrary,
  modelNames,
  safeName,
  sourceOf,
  type LibraryModel,
} from "../../src/store";
import type { LibraryClient, LibraryCommand, LibraryEvent } from "../../src/client";
import { modelTitle } from "../../src/views/models/model-title";

const KEY = "hub:a/b@0123456789abcdef";
const model = (key: string, whole: boolean): LibraryModel => ({
  ...{ key, whole, files: [], bytes: 10, missing: whole ? [] : [{ path: "model.safetensors" }] },
  ...(whole && {
    inspection: {
      ...{ key, modelType: "llama", files: [] },
      teacher: {
        can: true,
        choices: (["fp32", "q4"] as const).map((dtype) => ({
          ...{ dtype, files: [], bytes: 1, missingBytes: 0, memoryBytes: 2 },
        })),
      },
      student: { can: false, why: "it has no weights" },
    },
  }),
});

let sent: LibraryCommand[];
let say: (event: LibraryEvent) => void;
let library: ReturnType<typeof createModelLibrary>;
beforeEach(() => {
  sent = [];
  const client: LibraryClient = {
    send: (command) => sent.push(command),
    subscribe: (listener) => {
      say = listener;
      return () => undefined;
    },
    close: () => undefined,
  };
  library = createModelLibrary(client);
});

test("nothing is sent before it is opened, and then one listing", () => {
  expect(sent).toEqual([]);
  library.open();
  library.open();
  expect(sent).toEqual([{ type: "list" }, { type: "list-states" }]);
});

test("a transfer: pace, stop, end, failure", () => {
  vi.useFakeTimers();
  library.download({ kind: "hub", id: "a/b" }, [{ path: "x", bytes: 1000 }]);
  expect(library.store.getState().transfer).toMatchObject({ loaded: 0, total: 1000 });
  say({ type: "progress", key: KEY, progress: { path: "x", loaded: 100, total: 1000 } });
  vi.advanceTimersByTime(1000);
  say({ type: "progress", key: KEY, progress: { path: "x", loaded: 600, total: 1000 } });
  expect(library.store.getState().transfer).toMatchObject({ key: KEY, loaded: 600, bytesPerSecond: 500 });
  vi.useRealTimers();
  library.stop();
  expect(library.store.getState().transfer?.stopping).toBe(true);
  say({ type: "stopped", key: KEY });
  expect(library.store.getState()).toMatchObject({ transfer: undefined, done: { key: KEY, how: "stopped" } });
  library.importFiles("my model (v2)", new Map());
  expect(sent.at(-1)).toMatchObject({ type: "import", name: "my-model-v2" });
  const failure = { code: "x", what: "", why: "it broke off", remedy: "" };
  say({ type: "failed", command: "import", failure });
  expect(library.store.getState()).toMatchObject({ transfer: undefined, problem: { command: "import" } });
  say({ type: "failed", command: "list", failure });
  expect(library.store.getState().models, "a store that cannot be read holds nothing").toEqual([]);
});

test("what a config may name, and what it names in vain", () => {
  const models = [model(KEY, true), model("local:begun@00", false)];
  expect(modelNames(models, "teacher").slice(-2)).toEqual([KEY, `${KEY}#q4`]);
  expect(modelNames(models, "student").some((name) => name.startsWith("hub:"))).toBe(false);
  expect(modelNames(undefined, "student")).toContain("couplet-student");
  const names = { teacher: `${KEY}#q4`, student: "local:begun@00" };
  expect(absentModels(names, models)).toEqual(["local:begun@00"]);
  expect(absentModels(names, undefined)).toEqual([]);
  expect(absentModels({ teacher: "couplet-teacher", student: "couplet-student" }, [])).toEqual([]);
  expect(modelTitle(`${KEY}#q4`)).toBe("a/b @01234567 q4");
});

test("sources as they are typed", () => {
  const hub = { kind: "hub", id: " a/b@v1 ", revision: "", host: "https://huggingface.co/" } as const;
  expect(sourceOf(hub)).toEqual({ kind: "hub", id: "a/b", revision: "v1" });
  expect(sourceOf({ ...hub, host: "http://localhost:8" })).toMatchObject({ host: "http://localhost:8" });
  expect(sourceOf({ ...hub, id: " hub:HuggingFaceTB/SmolLM2-135M@main ", revision: "" })).toEqual({
    ...{ kind: "hub", id: "HuggingFaceTB/SmolLM2-135M", revision: "main" },
  });
  for (const id of ["a b", "a", "https://example.org/x", "a/b/c", "a/b@"])
    expect(sourceOf({ ...hub, id }), id).toBeUndefined();
  expect(sourceOf({ ...hub, host: "nowhere" })).toBeUndefined();
  expect(sourceOf({ kind: "address", url: "ftp://x" })).toBeUndefined();
  expect(safeName("…")).toBe("model");
});
