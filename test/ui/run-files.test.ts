// a run as files — plan
//   manifest   says what repeats the run; read back it gives the same config, by hash (A6)
//              control: a config that was changed afterwards is refused, and says so; without a hash it is taken
//   config     a bare run config is read as well; what is neither is named
//   metrics    one row a step, terms that add up; what was not reported is empty
import { expect, test } from "vitest";
import { DEFAULT_RUN } from "../../src/config/presets";
import { ConfigError } from "../../src/config/run";
import {
  configHash,
  configOfFile,
  createHistory,
  initialState,
  manifestOf,
  metricsCsv,
} from "../../src/store";
import { stepRecord } from "./events";

const config = { ...DEFAULT_RUN, seed: 42 };
const state = {
  ...initialState,
  device: {
    kind: "open",
    adapter: { name: "A", software: true, features: ["subgroups"], limits: {} },
  },
  run: { ...initialState.run, config, step: 25 },
} as const;
const history = createHistory();
history.push(Array.from({ length: 25 }, (_, i) => stepRecord(i + 1)));

test("a manifest read back gives the same config", async () => {
  const manifest = await manifestOf(state, history, async (path) => `hash of ${path}`);
  const text = JSON.stringify(manifest);
  const read = await configOfFile(text);
  expect(read).toEqual(config);
  expect(await configHash(read)).toBe(manifest?.configHash);
  expect(manifest).toMatchObject({ seed: 42, step: 25, adapter: { name: "A", features: ["subgroups"] } });
  expect(manifest?.configHash).toMatch(/^[0-9a-f]{64}$/);
  expect(manifest?.firstLosses).toEqual(history.records.slice(0, 20).map(({ loss }) => loss));
  expect(Object.keys(manifest?.files ?? {})).toContain("models/couplet-teacher/onnx/model.onnx");
});

test("key order is no difference, a value is", async () => {
  const shuffled = Object.fromEntries(Object.entries(config).toReversed()) as typeof config;
  expect(await configHash(shuffled)).toBe(await configHash(config));
  expect(await configHash({ ...config, seed: 43 })).not.toBe(await configHash(config));
});

test("a manifest whose config was changed is refused", async () => {
  const manifest = await manifestOf(state, history, async () => "");
  const changed = { ...manifest, config: { ...config, seed: 43 } };
  await expect(configOfFile(JSON.stringify(changed))).rejects.toThrow(/configHash: .*was changed/);
  const { configHash: _, ...unhashed } = changed;
  expect((await configOfFile(JSON.stringify(unhashed))).seed).toBe(43);
});

test("a model of the library is not taken for a file of this site", async () => {
  const other = { ...state, run: { ...state.run, config: { ...config, teacher: "hub:a/b@c" } } };
  const manifest = await manifestOf(other, history, async () => "");
  expect(Object.keys(manifest?.files ?? {}).some((path) => path.includes("hub:"))).toBe(false);
});

test("a bare config, and what is none", async () => {
  expect(await configOfFile(JSON.stringify(config))).toEqual(config);
  await expect(configOfFile("{")).rejects.toThrow(ConfigError);
  await expect(configOfFile("[]")).rejects.toThrow(ConfigError);
});

test("metrics", () => {
  const [head, first] = metricsCsv(history)
    .split("\n")
    .map((line) => line.split(","));
  expect(head?.slice(0, 3)).toEqual(["step", "loss", "ce"]);
  expect(first?.slice(0, 3).map(Number)).toEqual([1, 3, 1]);
});
