// teacher and reference sessions — plan (real ONNX Runtime sessions on files our exporter wrote; no mocks)
//   taps        × {tied, untied, all heads, wide heads}: embedding = table rows exactly, hidden and logits = f64 oracle,
//               hidden · headᵀ = logits
//   batch       right padding changes nothing for the real rows (control: a real token instead of padding does)
//   on demand   logits only when asked for
//   positions   restart in each row of a batch
//   generate    = greedy by full forwards; stops at eos; abort; empty and overlong prompts
//   order       overlapping calls take turns; closed models and failed runs say so and block nothing
//   export      a folder written and read back: the same tensors, logits and continuation
//   refusals    test/unit/models/refusals.test.ts
import { expect, test } from "vitest";

import {
  exportStudentFolder,
  type LlamaConfig,
  loadStudentWeights,
  memoryFiles,
  openReferenceSession,
  openTeacher,
  type Teacher,
} from "../../../src/models";
import { exclusively } from "../../../src/models/hub";
import { modelProto, nodeProto, tensorProto, valueInfo } from "../../../src/models/onnx/write";
import { llamaOracle } from "./llama-oracle";
import { randomTensors, tinyConfig, tinyFolder } from "./tiny";

const IDS = [10, 250, 77, 258, 3, 77];
const VARIANTS: [string, LlamaConfig][] = [
  ["tied", tinyConfig],
  ["untied", { ...tinyConfig, tiedEmbeddings: false }],
  ["no grouping of heads", { ...tinyConfig, kvHeads: 4, layers: 1 }],
  ["head_dim apart from hidden_size / heads", { ...tinyConfig, headDim: 10, kvHeads: 1, ropeTheta: 500 }],
];

async function open(config = tinyConfig): Promise<Teacher> {
  return openTeacher(memoryFiles("tiny", await tinyFolder(config)), { device: "cpu" });
}
const forward = (teacher: Teacher, ids: number[], logits = true) =>
  teacher.forward(Int32Array.from(ids), new Uint8Array(ids.length).fill(1), 1, ids.length, { logits });
const worst = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((max, v, i) => Math.max(max, Math.abs(v - b[i]!)), 0);
};

test.each(VARIANTS)("taps and logits match the f64 oracle: %s", async (_, config) => {
  const teacher = await open(config);
  const tensors = randomTensors(config, 1);
  const oracle = llamaOracle(config, tensors, IDS);
  const { embedding, hidden, logits, D, V } = await forward(teacher, IDS);
  expect([D, V]).toEqual([config.hiddenSize, config.vocabSize]);
  expect(Array.from(embedding)).toEqual(oracle.embedding.flat()); // a copy of table rows, to the bit
  expect(worst(hidden, oracle.hidden.flat())).toBeLessThan(1e-5);
  expect(worst(logits!, oracle.logits.flat())).toBeLessThan(5e-5); // logits reach about 10
  const table = tensors.get(config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight")!;
  expect(teacher.head?.shape).toEqual(table.shape);
  expect(worst(teacher.head!.data, table.data)).toBe(0);
  await teacher.dispose();
});

test("a right-padded batch equals its rows run alone", async () => {
  const teacher = await open();
  const rows = [IDS, [5], [9, 8, 7, 6]];
  const T = 7;
  const batch = (pad: number, masked: number) => {
    const ids = rows.flatMap((row) => [...row, ...Array<number>(T - row.length).fill(pad)]);
    const mask = rows.flatMap((row) => [...row.map(() => 1), ...Array<number>(T - row.length).fill(masked)]);
    return teacher.forward(Int32Array.from(ids), Uint8Array.from(mask), 3, T, { logits: true });
  };
  const padded = await batch(0, 0);
  for (const [b, row] of rows.entries()) {
    const alone = await forward(teacher, row);
    for (const [which, width] of [
      ["embedding", 24],
      ["hidden", 24],
      ["logits", 272],
    ] as const) {
      const at = b * T * width;
      expect(
        worst(padded[which]!.slice(at, at + row.length * width), alone[which]!),
        `${which} ${b}`,
      ).toBeLessThan(2e-5);
    }
  }
  // Control: causal attention alone would hide padding from earlier rows, so the mask is seen on the padding itself.
  const unmasked = await batch(0, 1);
  expect(worst(padded.hidden, unmasked.hidden)).toBeGreaterThan(0.01);
  await teacher.dispose();
});

test("a mask hides a token from the ones after it", async () => {
  const teacher = await open();
  const all = await forward(teacher, IDS);
  const holed = await teacher.forward(Int32Array.from(IDS), Uint8Array.of(1, 0, 1, 1, 1, 1), 1, 6);
  expect(worst(all.hidden.slice(24 * 5), holed.hidden.slice(24 * 5))).toBeGreaterThan(0.01);
  await teacher.dispose();
});

test("logits are returned only when asked for", async () => {
  const teacher = await open();
  expect((await forward(teacher, IDS, false)).logits).toBeUndefined();
  expect((await forward(teacher, IDS, true)).logits).toHaveLength(IDS.length * 272);
  await expect(teacher.forward(Int32Array.of(1, 2), Uint8Array.of(1), 1, 2)).rejects.toThrow(
    "1×2 needs 2 ids",
  );
  await teacher.dispose();
});

/** Greedy decoding by whole forward passes, without a cache. */
async function greedy(teacher: Teacher, prompt: string, steps: number): Promise<number[]> {
  const ids = teacher.tokenizer.encode(prompt);
  const fresh: number[] = [];
  while (fresh.length < steps) {
    const { logits, V } = await forward(teacher, [...ids, ...fresh]);
    const last = logits!.subarray(logits!.length - V);
    const best = last.reduce((top, v, i) => (v > last[top]! ? i : top), 0);
    if (best === teacher.tokenizer.eosId) break;
    fresh.push(best);
  }
  return fresh;
}

test("generate is greedy decoding", async () => {
  for (const seed of [1, 2, 3]) {
    const teacher = await openTeacher(memoryFiles("tiny", await tinyFolder(tinyConfig, seed)), {
      device: "cpu",
    });
    const expected = await greedy(teacher, "the other thing", 12);
    expect(await teacher.generate("the other thing", { maxNewTokens: 12 })).toBe(
      teacher.tokenizer.decode(expected),
    );
    await teacher.dispose();
  }
});

test("generate stops at eos and at the end of the context", async () => {
  const folder = await tinyFolder();
  const teacher = await openTeacher(memoryFiles("tiny", folder), { device: "cpu" });
  const [first = 0, second = 0] = await greedy(teacher, "the", 2);
  expect(second).not.toBe(first);
  // The same model, but what it says second is now eos.
  const settings = JSON.parse(new TextDecoder().decode(folder.get("tokenizer_config.json"))) as object;
  const eos = teacher.tokenizer.rawToken(second);
  folder.set(
    "tokenizer_config.json",
    new TextEncoder().encode(JSON.stringify({ ...settings, eos_token: eos })),
  );
  const stopper = await openTeacher(memoryFiles("stopper", folder), { device: "cpu" });
  expect(stopper.tokenizer.eosId).toBe(second);
  expect(stopper.tokenizer.encode(await stopper.generate("the", { maxNewTokens: 9 }))).toEqual([first]);
  const long = await teacher.generate("a".repeat(60), { maxNewTokens: 99 }); // 60 of 64 positions
  expect(teacher.tokenizer.encode(long).length).toBeLessThanOrEqual(4);
  await expect(teacher.generate("a".repeat(64), { maxNewTokens: 9 })).rejects.toThrow("context is 64");
  await expect(teacher.generate("", { maxNewTokens: 9 })).rejects.toThrow("at least one token");
  await Promise.all([teacher.dispose(), stopper.dispose()]);
});

test("generate can be aborted, before and during", async () => {
  const teacher = await open();
  await expect(teacher.generate("the", { maxNewTokens: 9, signal: AbortSignal.abort() })).rejects.toThrow(
    /abort/i,
  );
  const during = new AbortController();
  const running = teacher.generate("the", { maxNewTokens: 60, signal: during.signal });
  during.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  expect(await teacher.generate("the", { maxNewTokens: 2 })).not.toBe(""); // still usable
  await teacher.dispose();
});

test("a closed model says so, and others go on", async () => {
  const [shut, teacher] = [await open(), await open()];
  const text = await teacher.generate("the", { maxNewTokens: 3 });
  await shut.dispose();
  await shut.dispose();
  await expect(shut.generate("the", { maxNewTokens: 3 })).rejects.toThrow(
    "this model is closed; open it again",
  );
  await expect(forward(shut, IDS)).rejects.toThrow("this model is closed");
  expect(await teacher.generate("the", { maxNewTokens: 3 })).toBe(text);
  await teacher.dispose();
});

test("a failed run is reported in ONNX Runtime's words, and the model goes on", async () => {
  const folder = await tinyFolder();
  const json = JSON.parse(new TextDecoder().decode(folder.get("tokenizer.json"))) as {
    added_tokens: object[];
  };
  json.added_tokens.push({ ...json.added_tokens[0], id: 300, content: "<beyond>" }); // the model knows 272
  folder.set("tokenizer.json", new TextEncoder().encode(JSON.stringify(json)));
  const teacher = await openTeacher(memoryFiles("tiny", folder), { device: "cpu" });
  const text = await teacher.generate("the", { maxNewTokens: 3 });
  const words = /indices element out of data bounds, idx=300/;
  await expect(forward(teacher, [300])).rejects.toThrow(words);
  await expect(teacher.continue([300], { maxNewTokens: 3 })).rejects.toThrow(words);
  await expect(teacher.generate("the<beyond>", { maxNewTokens: 3 })).rejects.toThrow(
    /the token "<beyond>" \(id 300\) is part of this text/,
  );
  expect(await teacher.generate("the", { maxNewTokens: 3 })).toBe(text);
  await teacher.dispose();
});

test("positions restart in each row", async () => {
  // Rotary positions are relative and would hide a shift, so this graph adds its positions: logits = E[ids] + P[positions].
  const table = (name: string, step: number) =>
    tensorProto(
      name,
      [4, 2],
      1,
      Float32Array.from({ length: 8 }, (_, i) => i * step),
    );
  const node = (op: string, inputs: string[], output: string) =>
    nodeProto({ op, name: output, inputs, outputs: [output] });
  const identity = tensorProto("I", [2, 2], 1, Float32Array.of(1, 0, 0, 1));
  const onnx = modelProto("positions", {
    nodes: [
      node("Gather", ["E", "input_ids"], "e"),
      node("Gather", ["P", "position_ids"], "p"),
      node("Add", ["e", "p"], "h"),
      node("MatMul", ["h", "I"], "logits"),
    ],
    initializers: [table("E", 1), table("P", 100), identity],
    inputs: ["input_ids", "position_ids"].map((name) => valueInfo(name, 7, ["B", "T"])),
    outputs: [valueInfo("logits", 1, ["B", "T", 2])],
  });
  const files = memoryFiles("positions", new Map([["onnx/model.onnx", onnx]]));
  const session = await openReferenceSession(files, { device: "cpu" });
  const logits = await session.logits(Int32Array.of(1, 1, 3, 3), new Uint8Array(4).fill(1), 2, 2);
  expect([...logits]).toEqual([2, 103, 202, 303, 6, 107, 206, 307]);
  await session.dispose();
});

test("tasks for ONNX Runtime take turns, and a failure does not block the next", async () => {
  const order: string[] = [];
  const task = (name: string, ms: number) =>
    exclusively(async () => {
      order.push(`${name} starts`);
      await new Promise((resolve) => setTimeout(resolve, ms));
      order.push(`${name} ends`);
      if (name === "b") throw new Error("b failed");
      return name;
    });
  const results = await Promise.allSettled([task("a", 20), task("b", 1), task("c", 1)]);
  expect(order).toEqual(["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});

test("calls may overlap", async () => {
  const teacher = await open();
  const alone = await forward(teacher, IDS);
  const text = await teacher.generate("the", { maxNewTokens: 8 });
  const [a, b, c] = await Promise.all([
    forward(teacher, IDS),
    teacher.generate("the", { maxNewTokens: 8 }),
    forward(teacher, [...IDS].reverse()),
  ]);
  expect(worst(a.hidden, alone.hidden)).toBe(0);
  expect(b).toBe(text);
  expect(worst(c.hidden, alone.hidden)).toBeGreaterThan(0.01);
  await teacher.dispose();
});

test("a written folder reads back to the same model", async () => {
  const config = { ...tinyConfig, tiedEmbeddings: false };
  const first = await tinyFolder(config, 5);
  const weights = await loadStudentWeights(memoryFiles("first", first));
  expect(weights.config).toEqual(config);
  const second = await exportStudentFolder(weights.config, weights.tensors, memoryFiles("first", first));
  expect([...second.keys()]).toEqual([...first.keys()]);
  for (const [path, bytes] of second) expect({ path, bytes }).toEqual({ path, bytes: first.get(path) });

  const teacher = await openTeacher(memoryFiles("second", second), { device: "cpu" });
  const reference = await openReferenceSession(memoryFiles("second", second), { device: "wasm" });
  const ids = Int32Array.from(IDS);
  const { logits } = await forward(teacher, IDS);
  expect(worst(await reference.logits(ids, new Uint8Array(6).fill(1), 1, 6), logits!)).toBeLessThan(1e-5);
  await Promise.all([teacher.dispose(), reference.dispose()]);
});

test("progress covers the ONNX file", async () => {
  const folder = await tinyFolder();
  const seen: number[] = [];
  const onProgress = (p: { loaded: number; total: number }) => seen.push(p.loaded, p.total);
  const teacher = await openTeacher(memoryFiles("tiny", folder), { device: "cpu", onProgress });
  expect(seen).toEqual([folder.get("onnx/model.onnx")!.length, folder.get("onnx/model.onnx")!.length]);
  await teacher.dispose();
});
