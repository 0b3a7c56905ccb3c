// kept runs on the disk — plan
//   a unit        what is written is read again: weights, numbers, plans (to the bit), answers, settings; two generations stay
//   atomic        cut off after any number of file writes, what is read is a whole generation: weights and numbers of one
//                 step, the newer one or the one before; nothing at all when the very first was cut off
//   flipped bits  in any file of the newest generation, at random places: never read as whole; the one before is, and the
//                 damage is told with its step; in both: nothing is read
//   full          the newest generation stays whole when there is no room for another; room is made of the older one only
//   the list      newest first, named, renamed, deleted; what has no whole mark is listed as lost
//   limits        by age, number and size: unnamed runs only, try-outs before trained ones, never one that is open
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_RUN } from "../../src/config/presets";
import { beyondLimits, createKeptRuns, type KeptRun, type RunRecord } from "../../src/store";
import { memoryKept } from "../support/kept-files";
import { answerRecord, planRecord, stepRecord } from "./events";

const record = (step: number): RunRecord => ({
  ...{ step, config: DEFAULT_RUN, answers: answerRecord(step) },
  steps: Array.from({ length: step }, (_, i) => stepRecord(i + 1)),
  evaluations: [{ step, correct: 1, total: 2 }],
  plans: [planRecord(0), planRecord(step, { cost: Float32Array.of(1e-30, Number.NaN, -0, 1, 3e38, 0.1) })],
});
/** Weights that say their step. */
const weights = (step: number) => new Uint8Array(300).fill(step);

async function kept(...steps: number[]) {
  const files = memoryKept();
  const runs = createKeptRuns(files);
  for (const step of steps) await runs.write("a", 1000, weights(step), record(step));
  return { files, runs };
}

test("what is written is read again, to the bit, and two generations stay", async () => {
  const { files, runs } = await kept(2, 5, 9);
  const { found, damaged } = await runs.read("a");
  expect(damaged).toEqual([]);
  expect(found?.step).toBe(9);
  expect(found?.checkpoint).toEqual(weights(9));
  expect(found?.record).toEqual(record(9));
  expect(new Uint8Array(found!.record.plans[1]!.cost.buffer)).toEqual(
    new Uint8Array(record(9).plans[1]!.cost.buffer),
  );
  expect(files.content.size).toBe(6); // three files each
});

test("cut off after any number of writes, one whole generation is read", async () => {
  for (let writes = 0; writes <= 6; writes++) {
    const files = memoryKept();
    const runs = createKeptRuns(files);
    files.writesLeft = writes;
    void (async () => {
      await runs.write("a", 1, weights(3), record(3));
      await runs.write("a", 1, weights(7), record(7));
    })();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const { found } = await createKeptRuns(files).read("a"); // the next visit
    const expected = writes < 3 ? undefined : writes < 6 ? 3 : 7;
    expect(found?.step, `${writes} writes`).toBe(expected);
    if (!found) continue;
    expect(found.checkpoint).toEqual(weights(found.step));
    expect(found.record.steps.at(-1)?.step).toBe(found.step);
    files.writesLeft = Infinity;
    await createKeptRuns(files).write("a", 1, weights(8), record(8)); // and what was cut off is swept away
    expect((await runs.read("a")).found?.step).toBe(8);
    expect(files.content.size).toBe(6);
  }
});

test("a flipped bit is never read as whole, and the generation before is found", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 2 }),
      fc.nat(),
      fc.integer({ min: 0, max: 7 }),
      async (file, at, bit) => {
        const { files, runs } = await kept(4, 6);
        const newest = [...files.content].filter(([path]) => /\/2-/.test(path));
        expect(newest).toHaveLength(3);
        const bytes = newest[file]![1];
        bytes[at % bytes.length]! ^= 1 << bit;
        const { found, damaged } = await runs.read("a");
        expect(found?.step).toBe(4);
        expect(found?.checkpoint).toEqual(weights(4));
        expect(damaged).toHaveLength(1);
        expect(damaged[0]!.why).toMatch(/changed since it was written/);
      },
    ),
    { seed: 12, numRuns: 60 },
  );
});

test("cut short, gone, or all of it damaged: said, and nothing is resumed", async () => {
  const { files, runs } = await kept(4, 6);
  const paths = [...files.content.keys()].filter((path) => path.endsWith(".safetensors"));
  files.content.set(paths[1]!, weights(6).slice(0, 200));
  expect((await runs.read("a")).damaged).toEqual([{ step: 6, why: "Its checkpoint has 200 bytes of 300." }]);
  files.content.delete(paths[1]!);
  expect((await runs.read("a")).damaged[0]!.why).toMatch(/gone/);
  files.content.get(paths[0]!)![5]! ^= 4;
  const { found, damaged } = await runs.read("a");
  expect(found).toBeUndefined();
  expect(damaged.map(({ step }) => step)).toEqual([6, 4]);
});

test("a mark that cannot be read for a moment costs no generation, also when the disk is full", async () => {
  for (const room of [Infinity, 200]) {
    const { files } = await kept(4, 6);
    const used = [...files.content.values()].reduce((sum, { length }) => sum + length, 0);
    files.room = used + room;
    let blind = true; // until the write is over
    const runs = createKeptRuns({
      ...files,
      read: async (path) => (blind && /\/2-.*mark/.test(path) ? undefined : files.read(path)),
      write: (path, data) => files.write(path, data),
    });
    await runs.write("a", 1, weights(8), record(8)).catch(() => undefined);
    blind = false;
    const { found, damaged } = await runs.read("a");
    expect(damaged).toEqual([]);
    expect(found?.step).toBe(room === Infinity ? 8 : 6);
    expect(found?.checkpoint).toEqual(weights(found!.step));
    files.room = Infinity;
    await runs.write("a", 1, weights(9), record(9));
    await runs.write("a", 1, weights(10), record(10));
    expect(files.content.size).toBe(6); // and in the end two are there
  }
});

test("full: the newest stays, the older one makes room, and no more than that", async () => {
  const { files, runs } = await kept(4, 6);
  const used = () => [...files.content.values()].reduce((sum, { length }) => sum + length, 0);
  files.room = used() + 2000; // one generation out, one in; the new record is a little longer
  await runs.write("a", 1, weights(6), record(6));
  expect((await runs.read("a")).found?.step).toBe(6);
  files.room = used() / 2;
  await expect(runs.write("a", 1, weights(9), record(9))).rejects.toMatchObject({ reason: "full" });
  expect((await runs.read("a")).found?.step).toBe(6);
  expect((await runs.read("a")).damaged).toEqual([]);
});

test("the list: newest first, named and renamed, deleted; a folder without a whole mark is lost", async () => {
  const { files, runs } = await kept(4);
  await new Promise((resolve) => setTimeout(resolve, 3));
  await runs.write("b", 5, weights(2), record(2));
  expect((await runs.list()).runs.map(({ id, step }) => [id, step])).toEqual([
    ["b", 2],
    ["a", 4],
  ]);
  await runs.rename("a", "  the long one ");
  await runs.write("a", 1, weights(5), record(5)); // a name outlives what is kept
  expect((await runs.list()).runs.find(({ id }) => id === "a")).toMatchObject({
    ...{ name: "the long one", step: 5, createdAt: 1000, method: "cot2align", seed: 7 },
    loss: stepRecord(5).loss,
  });
  await runs.rename("a", "");
  expect((await runs.list()).runs.find(({ id }) => id === "a")?.name).toBeUndefined();
  await runs.remove("b");
  files.content.set("couplet-runs/c/1-x.safetensors", weights(1));
  const { runs: left, lost } = await runs.list();
  expect(left.map(({ id }) => id)).toEqual(["a"]);
  expect(lost).toEqual([{ id: "c", bytes: 300 }]);
});

const DAY = 86_400_000;
const listed = (id: string, change: Partial<KeptRun> = {}): KeptRun => ({
  ...{ id, name: undefined, createdAt: 0, savedAt: 100 * DAY, bytes: 10, step: 5, steps: 9, method: "sft" },
  ...{ seed: 1, teacher: "t", student: "s", rows: "r", loss: 1, trainedMs: 3_600_000, weights: true },
  ...change,
});

test.each<[string, KeptRun[], string[]]>([
  ["within them nothing goes", [listed("a"), listed("b")], []],
  [
    "too many: the oldest goes",
    [listed("a"), listed("b", { savedAt: 99 * DAY }), listed("c"), listed("d")],
    ["b:number"],
  ],
  [
    "too many: a try-out goes before an older run that was trained",
    [listed("a", { savedAt: 95 * DAY }), listed("b", { trainedMs: 5 }), listed("c"), listed("d")],
    ["b:number"],
  ],
  [
    "named ones count for nothing and stay",
    [...Array.from({ length: 9 }, (_, i) => listed(`n${i}`, { name: "x", savedAt: 0 })), listed("a")],
    [],
  ],
  [
    "too large: until it fits",
    [listed("a", { bytes: 60, savedAt: 99 * DAY }), listed("b", { bytes: 90 })],
    ["a:size"],
  ],
  ["old ones", [listed("a", { savedAt: 69 * DAY }), listed("b", { savedAt: 71 * DAY })], ["a:age"]],
  [
    "an open one stays, whatever it is",
    [listed("open", { savedAt: 0 }), listed("b"), listed("c"), listed("d", { savedAt: 99 * DAY })],
    ["d:number"],
  ],
])("limits: %s", (_name, runs, gone) => {
  const limits = { runs: 3, bytes: 100, days: 30 };
  const found = beyondLimits(runs, new Set(["open"]), 100 * DAY, limits);
  expect(found.map(({ run, why }) => `${run.id}:${why}`)).toEqual(gone);
});
