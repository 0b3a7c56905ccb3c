// the teacher cache — plan
//   once        a second cache over the same set runs the teacher on nothing, and its states are the first one's to the bit,
//               moments too; without a set it runs it again (control)
//   key         other tokens, another cut, another beginning of the response, other taps: computed
//   alone       a row's states do not depend on the rows beside it, in a graph that scales activations by the whole batch
//               (q8; control: in one batch they do)
//   limit       beyond heldBytes the oldest go from memory and come back from the set; those of the last calls stay
//   trouble     a set that cannot be written or read is given up in words; the states are right all the same
//   a run       of the bundled pair, twice over one set: the same records as without a set, the teacher runs in the first only
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { makeSideBatch, type Sequence } from "../../../src/data";
import {
  createStateSets,
  memoryFiles,
  memoryStore,
  openTeacher,
  type StateSet,
  type Teacher,
} from "../../../src/models";
import type { TeacherNeed } from "../../../src/objectives";
import { openRun } from "../../../src/trainer";
import { createTeacherCache, openStateSet } from "../../../src/trainer/teacher-cache";
import { bundledSources, SMALL_RUN, takeSteps } from "../../support/bundled";
import { testGpu } from "../../support/gpu";
import { quantizedFolder } from "../models/tiny";

const NEEDS: TeacherNeed[] = ["teacher.embedding", "teacher.hidden", "teacher.layer.1"];
const sequence = (ids: number[], promptLength: number): Sequence => ({
  ids: Int32Array.from(ids),
  promptLength,
  truncated: false,
});

async function tiny(form: "fp32" | "q8" = "fp32"): Promise<Teacher & { forward: ReturnType<typeof vi.fn> }> {
  const folder = await quantizedFolder();
  const file = join(import.meta.dirname, "../../fixtures/quantized/q8.onnx");
  if (form === "q8") folder.set("onnx/model_quantized.onnx", new Uint8Array(readFileSync(file)));
  const teacher = await openTeacher(memoryFiles("tiny", folder), {
    ...{ device: "cpu", dtype: form, layers: [1], identify: true },
  });
  return { ...teacher, forward: vi.fn<Teacher["forward"]>(teacher.forward) };
}
const rows = [
  sequence([5, 6, 7, 8, 9], 2),
  sequence([20, 30, 40], 1),
  sequence([100, 90, 80, 70, 60, 50, 40], 4),
];

test("a second cache over the same set runs the teacher on nothing", async () => {
  const teacher = await tiny();
  const sets = createStateSets(memoryStore());
  const open = async () =>
    createTeacherCache(teacher, NEEDS, { set: await openStateSet(sets, "tiny", teacher, NEEDS) });
  const first = await open();
  await first.ensure(rows);
  expect(first.counts).toEqual({ computed: 3, found: 0 });
  await first.flush();
  teacher.forward.mockClear();

  const second = await open();
  await second.ensure(rows.slice(1));
  await second.ensure(rows);
  expect(teacher.forward).not.toHaveBeenCalled();
  expect(second.counts).toEqual({ computed: 0, found: 3 });
  const plain = createTeacherCache(teacher, NEEDS);
  await plain.ensure(rows);
  expect(teacher.forward).toHaveBeenCalledTimes(3);
  for (const row of rows) {
    expect(second.states(row)).toEqual(first.states(row));
    expect(second.states(row)).toEqual(plain.states(row));
    expect(second.states(row).hiddenMoments!.count).toBe((row.ids.length - 1) * 32);
  }

  const [a] = rows as [Sequence];
  const others = [
    sequence([5, 6, 7, 8, 10], 2), // the last token is predicted only, but it is another row
    sequence([5, 6, 7, 8], 2),
    { ...a, promptLength: 3 },
  ];
  await second.ensure(others);
  expect(second.counts).toEqual({ computed: 3, found: 3 });
  const fewer: TeacherNeed[] = ["teacher.hidden"];
  const taps = createTeacherCache(teacher, fewer, { set: await openStateSet(sets, "tiny", teacher, fewer) });
  await taps.ensure(rows);
  expect(taps.counts).toEqual({ computed: 3, found: 0 });
});

test("a row's states do not depend on the rows beside it", async () => {
  const teacher = await tiny("q8");
  const [a, , c] = rows as [Sequence, Sequence, Sequence];
  const alone = createTeacherCache(teacher, NEEDS);
  await alone.ensure([a]);
  const together = createTeacherCache(teacher, NEEDS);
  await together.ensure([c, a]);
  expect(together.states(a)).toEqual(alone.states(a));
  const batch = makeSideBatch([a, c], teacher.tokenizer.padId);
  const { hidden, D } = await teacher.forward(batch.ids, batch.mask, batch.B, batch.T);
  const inBatch = hidden.slice((a.promptLength - 1) * D, (a.ids.length - 1) * D);
  expect([...inBatch]).not.toEqual([...(alone.states(a).values.hidden as Float32Array)]);
});

test("beyond its limit, memory lets go of the oldest", async () => {
  const teacher = await tiny();
  const set = await createStateSets(memoryStore()).open({ teacher: "t", identity: "i", taps: [] });
  const cache = createTeacherCache(teacher, NEEDS, { set, heldBytes: 0 });
  const many = Array.from({ length: 8 }, (_, i) => sequence([5, 6 + i, 7, 8], 2));
  for (const row of many) await cache.ensure([row]);
  expect(() => cache.states(many[0]!)).toThrow(/has not seen/);
  for (const row of many.slice(-4)) expect(cache.states(row).values.hidden).toHaveLength(2 * 32);
  expect(cache.bytes).toBe(4 * 3 * 2 * 32 * 4);
  await cache.ensure([many[0]!]);
  expect(cache.counts).toEqual({ computed: 8, found: 1 });
});

test("a set that fails is given up in words", async () => {
  const teacher = await tiny();
  const refuse = async (): Promise<never> => {
    throw new Error("the disk is full");
  };
  const set: StateSet = { read: async () => undefined, write: refuse, flush: refuse };
  const cache = createTeacherCache(teacher, NEEDS, { set });
  await cache.ensure(rows);
  expect(cache.trouble).toBe("the disk is full");
  const plain = createTeacherCache(teacher, NEEDS);
  await plain.ensure(rows);
  for (const row of rows) expect(cache.states(row)).toEqual(plain.states(row));
});

test("a second run on the same rows does not run the teacher", async () => {
  const gpu = await testGpu();
  const teacherStates = createStateSets(memoryStore());
  const go = async (sources = {}) => {
    const run = await openRun(gpu, SMALL_RUN, { ...bundledSources(), ...sources });
    const records = await takeSteps(run, 4);
    const counts = await run.keepTeacherStates();
    await run.destroy();
    return { records, counts };
  };
  const plain = await go();
  const first = await go({ teacherStates });
  const second = await go({ teacherStates });
  expect(first.records).toEqual(plain.records);
  expect(second.records).toEqual(plain.records);
  const drawn = first.counts.computed;
  expect(drawn).toBeGreaterThan(15);
  expect(first.counts).toEqual({ computed: drawn, found: 0 });
  expect(second.counts).toEqual({ computed: 0, found: drawn });
});
