// the reader — plan
//   tokens      bytes of the lines add up to the text; prompt tokens are not in the line; é and emoji too
//   projector   recovers a known linear map from pairs; the fitted map explains held-out pairs of the bundled
//               models, and a shuffled pairing does not (control)
//   bytes       equal tokens at equal places are the nearest pair
//   refusals    a text beyond the models' positions is named; only the newest question is answered
import { beforeAll, describe, expect, test } from "vitest";
import { createRng } from "../../../src/config/rng";
import { loadTokenizer, openTeacher, type Teacher, type Tokenizer } from "../../../src/models";
import { costOf } from "../../../src/ot/cpu";
import { alignedPairs, createTextReader, tokenize } from "../../../src/worker/text-reader";
import { fitProjector, randomProjector } from "../../../src/worker/state-projector";
import type { ReaderEvent, TokenStates } from "../../../src/worker/protocol";
import { parseRows, type Row } from "../../../src/data";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { folderFiles } from "../../../src/models/files/node-files";

const bundled = (id: string) =>
  folderFiles(id, fileURLToPath(new URL(`../../../public/models/${id}`, import.meta.url)));

let student: Teacher;
let teacher: Teacher;
let tokenizers: { student: Tokenizer; teacher: Tokenizer };
let train: readonly Row[];
beforeAll(async () => {
  student = await openTeacher(bundled("couplet-student"), { device: "cpu" });
  teacher = await openTeacher(bundled("couplet-teacher"), { device: "cpu" });
  tokenizers = { student: await loadTokenizer(bundled("couplet-student")), teacher: teacher.tokenizer };
  const file = new URL("../../../public/data/reasoning-train.jsonl", import.meta.url);
  train = parseRows(readFileSync(file, "utf8"), "train");
});

test.each(["Friday - 4 = Monday.", "Café, naïve: 東京 🦊"])("the bytes of %s add up", (response) => {
  for (const tokenizer of [tokenizers.student, tokenizers.teacher]) {
    const { line, before, ids } = tokenize(tokenizer, { prompt: "Question: ", response });
    expect(line.end.at(-1)).toBe(new TextEncoder().encode(response).length);
    expect(line.start.slice(1)).toEqual(line.end.slice(0, -1));
    expect(before + line.ids.length).toBe(ids.length);
  }
});

test("a tokenizer that folds case and drops spaces", () => {
  const words = (text: string) => text.toLowerCase().match(/\S+/g) ?? [];
  const vocabulary = ["we", "go", "up"];
  const folding = {
    ...tokenizers.student,
    encode: (text: string) => words(text).map((word) => vocabulary.indexOf(word)),
    tokenBytes: (id: number) => new TextEncoder().encode(vocabulary[id]),
    tokenText: (id: number) => vocabulary[id] ?? "",
  };
  const { line } = tokenize(folding, { prompt: "", response: "We  GO up " });
  expect(line.start).toEqual([0, 2, 6]);
  expect(line.end).toEqual([2, 6, 10]);
  expect(tokenize(folding, { prompt: "", response: "" }).line).toEqual({
    texts: [],
    ids: [],
    start: [],
    end: [],
  });
});

describe("projector", () => {
  test("recovers a linear map with an offset", () => {
    const rng = createRng(3);
    const w = Array.from({ length: 6 }, () => rng.normal());
    const y = Float64Array.from({ length: 3 * 200 }, () => rng.normal());
    const x = new Float64Array(2 * 200);
    for (let r = 0; r < 200; r++)
      for (let i = 0; i < 2; i++)
        for (let k = 0; k < 3; k++) x[r * 2 + i]! += w[i * 3 + k]! * y[r * 3 + k]! + (k === 0 ? 5 : 0);
    const fitted = fitProjector(x, y, 2, 3);
    expect(fitted.explained).toBeGreaterThan(0.9999);
    const out = fitted.apply(Float32Array.from(y));
    out.forEach((value, i) => expect(Math.abs(value - x[i]!)).toBeLessThan(0.05));
  });
  test("control: what is unrelated is not explained", () => {
    const rng = createRng(4);
    const noise = (n: number) => Float64Array.from({ length: n }, () => rng.normal());
    expect(fitProjector(noise(2 * 400), noise(3 * 400), 2, 3).explained).toBeLessThan(0.1);
  });
  test("the random map is the same every time", () => {
    const y = Float32Array.from([1, 2, 3]);
    expect(randomProjector(2, 3).apply(y)).toEqual(randomProjector(2, 3).apply(y));
  });
});

async function ask(
  features: "bytes" | "hidden",
  response: string,
  projector: "fitted" | "random" = "fitted",
): Promise<ReaderEvent[]> {
  const events: ReaderEvent[] = [];
  const sources = {
    tokenizers: async () => tokenizers,
    models: async () => ({ student, teacher }),
    heldOut: async () => train,
    train: async () => train,
  };
  const text = { prompt: PROMPT, response };
  await createTextReader(sources, (event) => events.push(event)).read({
    type: "read",
    models: { student: "couplet-student", teacher: "couplet-teacher" },
    id: 1,
    student: text,
    teacher: text,
    features,
    projector,
  });
  return events;
}

const PROMPT =
  "Question: Today is Friday. Go 4 back. Go 1 back. Which day is it?\nLet's think step by step.\n";
const ROW = "Friday - 4 = Monday. Monday - 1 = Sunday.\nTherefore, the answer is: Sunday";

/** Mean cosine cost of byte-aligned pairs, against that of all pairs. */
async function contrast(projector: "fitted" | "random"): Promise<number> {
  const events = await ask("hidden", ROW, projector);
  const tokens = events.find((e) => e.type === "tokens")!;
  const { states } = events.find((e) => e.type === "states")! as { states: TokenStates };
  const [n, m] = [tokens.student.ids.length, tokens.teacher.ids.length];
  const cost = costOf({ n, m, d: states.d, x: states.student, y: states.teacher, kind: "cosine" });
  const mean = cost.reduce((a, b) => a + b, 0) / cost.length;
  const pairs = alignedPairs(tokens.pairings.chunks);
  return pairs.reduce((sum, [i, j]) => sum + cost[i * m + j]!, 0) / pairs.length / mean;
}

test("the fitted map brings aligned tokens together; the random one does not", async () => {
  expect(await contrast("fitted")).toBeLessThan(0.6);
  expect(await contrast("random")).toBeGreaterThan(0.8);
});

test("by bytes, a token's nearest is itself", async () => {
  const events = await ask("bytes", ROW);
  const { states } = events.find((e) => e.type === "states")! as { states: TokenStates };
  const tokens = events.find((e) => e.type === "tokens")!;
  const [n, m] = [tokens.student.ids.length, tokens.teacher.ids.length];
  const cost = costOf({ n, m, d: states.d, x: states.student, y: states.teacher, kind: "cosine" });
  const i = tokens.student.texts.indexOf("Therefore");
  const j = tokens.teacher.texts.indexOf("Therefore");
  const row = [...cost.subarray(i * m, (i + 1) * m)];
  expect(row.indexOf(Math.min(...row))).toBe(j);
});

test("a text beyond the models' positions is refused in words", async () => {
  const events = await ask("hidden", "1 2 3 4 5 6 7 8 9 ".repeat(60));
  expect(events.at(-1)).toMatchObject({ type: "failed", detail: /at most 512.*compare bytes/ });
});
