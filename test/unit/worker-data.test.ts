// the data worker's logic — plan
//   the whole way   a GSM8K file: columns seen, format told, rows, both tokenizations, split by seed, kept, listed,
//                   read by a run's sources as the same rows, deleted
//   by hand         columns that no guess fits: they are shown all the same, and a mapping makes rows of them
//   damage          rows whose hash is not the name's are refused; a set without its description is not listed
//   order           a second file replaces the first that is still read; 100,000 rows
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { memoryStore } from "../../src/models";
import { folderFiles } from "../../src/models/files/node-files";
import { createDatasetImport } from "../../src/worker/dataset-import";
import { ownRows, ROWS_FILE } from "../../src/worker/own-sources";
import type { DataEvent, PreviewQuestion } from "../../src/worker/protocol";

const models = join(import.meta.dirname, "../../public/models");
let events: DataEvent[];
let store: ReturnType<typeof memoryStore>;
let dataset: ReturnType<typeof createDatasetImport>;
beforeEach(() => {
  events = [];
  store = memoryStore();
  const folder = async (name: string) => folderFiles(name, join(models, name));
  dataset = createDatasetImport((event) => events.push(event), {
    store,
    folder,
    now: () => performance.now(),
  });
});
const last = <T extends DataEvent["type"]>(type: T) =>
  events.findLast((event): event is Extract<DataEvent, { type: T }> => event.type === type)!;

const QUESTION: PreviewQuestion = {
  ...{ teacher: "couplet-teacher", student: "couplet-student", baseUrl: "" },
  ...{ view: "cot", maxLength: 64, maxPrompt: 32, seed: 7, all: false },
};
const gsm = (n: number) =>
  Array.from({ length: n }, (_, i) =>
    JSON.stringify({ question: `What is ${i} + 1?`, answer: `${i} + 1 = ${i + 1}.\n#### ${i + 1}` }),
  ).join("\n");

test("a file becomes rows, tokens, a kept set, a run's data", async () => {
  await dataset.handle({ type: "read", file: new Blob([gsm(40), "\n{broken"]), name: "sums & more.jsonl" });
  expect(last("peeked").peek).toMatchObject({ kind: "jsonl", columns: ["question", "answer"] });
  const { facts } = last("rows");
  expect(facts).toMatchObject({ rows: 40, cot: 40, mapping: { format: "gsm8k" } });
  expect(Object.values(facts.dropped)).toEqual([1]);
  await dataset.handle({ type: "preview", question: QUESTION });
  const { preview, of, train, heldOut } = last("preview");
  expect([of, preview.rows, train + heldOut]).toEqual([40, 40, 40]);
  expect(heldOut).toBeGreaterThan(0);
  expect(preview.samples).toHaveLength(6);
  expect(preview.student.mean).toBeGreaterThan(preview.teacher.mean);
  await dataset.handle({ type: "preview", question: { ...QUESTION, maxLength: 34 } });
  expect(last("preview").preview.truncated).toBeGreaterThan(0); // control of the control: 64 cut none
  expect(preview.truncated).toBe(0);
  await dataset.handle({ type: "keep" });
  const { key } = last("kept");
  expect(key).toMatch(/^own:sums-more\.jsonl@[0-9a-f]{12}$/);
  expect(last("sets").sets).toMatchObject([{ key, rows: 40, cot: 40 }]);
  const rows = await ownRows(store, key, 7);
  expect([rows.train.length, rows.heldOut.length]).toEqual([train, heldOut]);
  expect(rows.train[0]).toMatchObject({ outputCot: expect.stringContaining("the answer is:") as string });
  await dataset.handle({ type: "reopen", key });
  expect(last("rows").facts).toMatchObject({ rows: 40, cot: 40, name: "sums-more.jsonl" });
  await dataset.handle({ type: "delete", key });
  expect(last("sets").sets).toEqual([]);
  await expect(ownRows(store, key, 7)).rejects.toThrow(/is not in this browser/);
});

test("columns chosen by hand", async () => {
  const file = new Blob(["frage,antwort\nWas ist 1+1?,2\nWas ist 2+2?,4\n"]);
  await dataset.handle({ type: "read", file, name: "a.csv" });
  expect(last("failed")).toMatchObject({ command: "read", failure: { code: "data" } });
  expect(last("failed").failure.why).toMatch(/no column looks like a prompt/);
  expect(last("peeked").peek).toMatchObject({ columns: ["frage", "antwort"] });
  expect(last("peeked").peek.samples[0]).toEqual({ frage: "Was ist 1+1?", antwort: "2" });
  const mapping = { format: "columns", prompt: "frage", output: "antwort" } as const;
  await dataset.handle({ type: "read", file, name: "a.csv", mapping });
  expect(last("rows").facts).toMatchObject({ rows: 2, cot: 0, mapping });
});

test("kept rows that were damaged are not used", async () => {
  await dataset.handle({ type: "read", file: new Blob([gsm(5)]), name: "x.jsonl" });
  await dataset.handle({ type: "keep" });
  const { key } = last("kept");
  const writer = await store.append(key, ROWS_FILE, 40);
  await writer.close(true);
  await expect(ownRows(store, key, 1)).rejects.toThrow(/are not those of that name.*hash differs/s);
  await store.delete(key, "about.json");
  await dataset.handle({ type: "list" });
  expect(last("sets").sets).toEqual([]);
});

test("the newest file counts, and 100,000 rows are read in slices", async () => {
  const many = dataset.handle({ type: "read", file: new Blob([gsm(100_000)]), name: "many.jsonl" });
  await dataset.handle({ type: "read", file: new Blob([gsm(3)]), name: "few.jsonl" });
  await many;
  expect(events.filter(({ type }) => type === "rows")).toHaveLength(1);
  expect(last("rows").facts).toMatchObject({ name: "few.jsonl", rows: 3 });
  await dataset.handle({ type: "read", file: new Blob([gsm(100_000)]), name: "many.jsonl" });
  expect(last("rows").facts.rows).toBe(100_000);
  await dataset.handle({ type: "preview", question: QUESTION });
  expect(last("preview")).toMatchObject({ of: 100_000, preview: { rows: 1000 } });
});
