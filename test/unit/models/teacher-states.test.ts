// what teachers computed, between runs — plan (× stores: memory, a directory)
//   again      records come back to the bit from a set that is opened anew, flushed or full by itself
//   apart      another teacher, identity or list of taps is another set (control: the same is not)
//   damage     a segment with one changed byte, a cut one, an emptied one: its records are not there, it is deleted, and
//              they can be written again; without index.json, or with a broken one, nothing else is lost
//   limit      beyond maxBytes the segments used longest ago go, of whichever set; reading is use
//   list       whose they are, bytes, last use; deletion of one set and of all
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createRng } from "../../../src/config/rng";
import {
  createStateSets,
  memoryStore,
  type ModelStore,
  STATE_LIMITS,
  type StateRecord,
} from "../../../src/models";
import { folderStore } from "../../../src/models/library/node-store";

const top = mkdtempSync(join(tmpdir(), "couplet-states-"));
afterAll(() => rmSync(top, { recursive: true, force: true }));

const NAME = { teacher: "a/b@main#q4", identity: "digest cpu 1", taps: ["embedding", "hidden"] };
function record(seed: number, rows = 3): StateRecord {
  const rng = createRng(seed);
  const tensor = () => ({
    shape: [rows, 4],
    data: Float32Array.from({ length: rows * 4 }, () => rng.normal()),
  });
  return {
    tensors: new Map([
      ["embedding", tensor()],
      ["hidden", tensor()],
    ]),
    note: JSON.stringify({ sum: 0.1 + seed }),
  };
}
async function overwrite(store: ModelStore, key: string, path: string, bytes: Uint8Array): Promise<void> {
  const writer = await store.append(key, path, 0);
  await writer.write(bytes);
  await writer.close(true);
}
const segments = async (store: ModelStore) =>
  (await store.list()).flatMap(({ key, files }) =>
    files.filter(({ path }) => path.endsWith(".safetensors")).map((file) => ({ key, ...file })),
  );

let folders = 0;
describe.each([
  ["memory", memoryStore],
  ["a directory", () => folderStore(join(top, `${folders++}`))],
])("%s", (_, createStore) => {
  test("records come back to the bit, full segments by themselves", async () => {
    const store = createStore();
    const limits = { ...STATE_LIMITS, segmentBytes: 300 };
    const set = await createStateSets(store, limits).open(NAME);
    const records = Array.from({ length: 11 }, (__, i) => [`${i}`, record(i, 1 + (i % 4))] as const);
    for (const [key, one] of records) await set.write(key, one);
    for (const [key, one] of records) expect(await set.read(key), key).toEqual(one); // before it is flushed, too
    expect((await segments(store)).length).toBeGreaterThan(1);
    await set.flush();
    const again = await createStateSets(store).open(NAME);
    for (const [key, one] of records) expect(await again.read(key), key).toEqual(one);
    expect(await again.read("11")).toBeUndefined();
    for (const other of [{ teacher: "a/b@main" }, { identity: "digest wasm 1" }, { taps: ["hidden"] }]) {
      const apart = await createStateSets(store).open({ ...NAME, ...other });
      expect(await apart.read("0")).toBeUndefined();
    }
  });

  test("damage is seen, and costs only what was damaged", async () => {
    const rng = createRng(8);
    for (const kind of ["changed", "cut", "empty"]) {
      for (let round = 0; round < 12; round++) {
        const store = createStore();
        const set = await createStateSets(store, { ...STATE_LIMITS, segmentBytes: 1 }).open(NAME);
        for (const seed of [1, 2]) await set.write(`${seed}`, record(seed)); // a segment each
        await set.flush();
        const [victim] = await segments(store);
        const bytes = new Uint8Array(await (await store.open(victim!.key, victim!.path))!.arrayBuffer());
        const at = rng.int(bytes.length);
        if (kind === "changed") bytes[at]! ^= 1 << rng.int(8);
        const broken = kind === "changed" ? bytes : kind === "cut" ? bytes.slice(0, at) : new Uint8Array(0);
        await overwrite(store, victim!.key, victim!.path, broken);
        const again = await createStateSets(store).open(NAME);
        const read = [await again.read("1"), await again.read("2")];
        expect(read.filter((one) => one === undefined)).toHaveLength(1);
        const lost = read[0] ? 2 : 1;
        expect(read[2 - lost]).toEqual(record(3 - lost));
        expect((await segments(store)).map(({ path }) => path)).not.toContain(victim!.path);
        await again.write(`${lost}`, record(lost));
        await again.flush();
        expect(await (await createStateSets(store).open(NAME)).read(`${lost}`)).toEqual(record(lost));
      }
    }
  });

  test("a lost or broken index loses nothing else", async () => {
    const store = createStore();
    const sets = createStateSets(store);
    const set = await sets.open(NAME);
    await set.write("1", record(1));
    await set.flush();
    const [{ key }] = (await sets.list()) as unknown as [{ key: string }];
    for (const text of ["{", "[]", '{"used": 3}']) {
      await overwrite(store, key, "index.json", new TextEncoder().encode(text));
      expect(await (await sets.open(NAME)).read("1")).toEqual(record(1));
      expect(await sets.list()).toMatchObject([{ key, taps: [], lastUsed: 0 }]);
    }
    await store.delete(key, "index.json");
    expect(await (await sets.open(NAME)).read("1")).toEqual(record(1));
  });

  test("beyond the limit, what was used longest ago goes", async () => {
    const store = createStore();
    let clock = 100;
    const one = createStateSets(store, { ...STATE_LIMITS, segmentBytes: 1, now: () => clock++ });
    const first = await one.open(NAME);
    for (const seed of [1, 2, 3]) await first.write(`${seed}`, record(seed));
    const [{ bytes: segmentSize = 0 } = {}] = await segments(store);
    await first.read("1"); // used again: 2 is now the oldest
    await first.flush();
    const limits = { ...STATE_LIMITS, segmentBytes: 1, maxBytes: segmentSize * 3.5, now: () => clock++ };
    const second = await createStateSets(store, limits).open({ ...NAME, teacher: "other" });
    await second.write("4", record(4));
    const again = await one.open(NAME);
    const there = await Promise.all(
      ["1", "2", "3"].map(async (key) => (await again.read(key)) !== undefined),
    );
    expect(there).toEqual([true, false, true]);
    expect(await second.read("4")).toEqual(record(4));
    for (let seed = 5; seed < 25; seed++) {
      await second.write(`${seed}`, record(seed));
      const sizes = (await segments(store)).map(({ bytes }) => bytes);
      expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(limits.maxBytes);
      expect(await second.read(`${seed}`)).toEqual(record(seed)); // the newest is there
    }
    expect(await (await one.open({ ...NAME, teacher: "other" })).read("4")).toBeUndefined();
  });

  test("list and deletion", async () => {
    const sets = createStateSets(createStore(), { ...STATE_LIMITS, now: () => 77 });
    for (const teacher of ["a", "b", "c"]) {
      const set = await sets.open({ ...NAME, teacher });
      await set.write("1", record(1));
      await set.flush();
    }
    const listed = await sets.list();
    expect(listed.map(({ teacher }) => teacher).toSorted()).toEqual(["a", "b", "c"]);
    for (const { taps, bytes, lastUsed } of listed) {
      expect({ taps, lastUsed }).toEqual({ taps: NAME.taps, lastUsed: 77 });
      expect(bytes).toBeGreaterThan(2 * 3 * 4 * 4);
    }
    await sets.delete(listed[0]!.key);
    expect((await sets.list()).map(({ key }) => key)).toEqual(listed.slice(1).map(({ key }) => key));
    await sets.delete();
    expect(await sets.list()).toEqual([]);
  });
});
