// graphs traced by PyTorch (test/fixtures/models/make.py) — plan
//   taps      × {llama tied, untied, qwen2, qwen3, gpt2, gpt_neox, gemma3}: hidden_states[0], [-1], token table rows, every
//             block's output and logits of PyTorch, on a batch with right padding
//   blocks    a block that is not there, and a graph whose blocks cannot be told apart, are refused
//   export    × the same: weights saved by PyTorch, through our exporter: the same tensors
//   generate  without a KV cache: equal to our cached export
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import {
  exportStudentFolder,
  loadStudentWeights,
  memoryFiles,
  type ModelFiles,
  openTeacher,
  type Teacher,
} from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { encode, tokenizerFiles } from "./tiny";

const dir = join(import.meta.dirname, "../../fixtures/models");
const tokenizer = tokenizerFiles();

/** A fixture folder with the tiny tokenizer in it. */
function traced(name: string, changes: ReadonlyMap<string, Uint8Array> = new Map()): ModelFiles {
  const folder = folderFiles(name, join(dir, name));
  return {
    id: name,
    read: async (path) => changes.get(path) ?? tokenizer.get(path) ?? folder.read(path),
    has: async (path) => tokenizer.has(path) || folder.has(path),
  };
}

interface Reference {
  B: number;
  T: number;
  ids: number[];
  mask: number[];
  embedding: number[];
  hidden: number[];
  logits: number[];
  token: number[];
  layers: number[][];
}

/** The largest distance of each output from PyTorch's, over the tokens that are real. */
async function distances(files: ModelFiles, name: string) {
  const ref = JSON.parse(readFileSync(join(dir, name, "reference.json"), "utf8")) as Reference; // written by make.py
  const blocks = ref.layers.map((_, i) => i + 1);
  const teacher = await openTeacher(files, { device: "cpu", layers: [0, ...blocks] });
  const out = await teacher.forward(Int32Array.from(ref.ids), Uint8Array.from(ref.mask), ref.B, ref.T, {
    ...{ logits: true, token: true, layers: true },
  });
  const apart = (want: number[], got: Float32Array, width: number) =>
    want.reduce(
      (max, v, i) => (ref.mask[Math.floor(i / width)] ? Math.max(max, Math.abs(v - got[i]!)) : max),
      0,
    );
  const far = (key: "embedding" | "hidden" | "logits" | "token", width: number) =>
    apart(ref[key], out[key]!, width);
  expect(out.logits).toHaveLength(ref.logits.length);
  const result = {
    embedding: far("embedding", out.D),
    hidden: far("hidden", out.D),
    logits: far("logits", out.V),
    token: far("token", out.D),
    layers: Math.max(...ref.layers.map((layer, i) => apart(layer, out.layers![i + 1]!, out.D))),
    start: apart(ref.embedding, out.layers![0]!, out.D),
    head: teacher.head?.shape,
  };
  await teacher.dispose();
  return result;
}

const close = {
  embedding: expect.closeTo(0, 6) as number, // within 5e-7
  hidden: expect.closeTo(0, 5) as number,
  logits: expect.closeTo(0, 4) as number,
  token: expect.closeTo(0, 6) as number,
  layers: expect.closeTo(0, 4) as number, // not normed: values reach 5
  start: expect.closeTo(0, 6) as number,
  head: [272, 16],
};

const FAMILIES = ["llama", "llama-untied", "qwen2", "qwen3", "gpt2", "gpt_neox", "gemma3"];

test.each(FAMILIES)("taps of %s", async (name) => {
  expect(await distances(traced(name), name)).toEqual(close);
});

test("blocks that are not there are refused", async () => {
  await expect(openTeacher(traced("llama"), { device: "cpu", layers: [2] })).rejects.toThrow(
    "this teacher has blocks 0 to 1, asked for 2",
  );
  const config = JSON.parse(readFileSync(join(dir, "gpt2/config.json"), "utf8")) as object;
  const files = traced("gpt2", new Map([["config.json", encode({ ...config, n_layer: 3 })]]));
  await expect(openTeacher(files, { device: "cpu", layers: [1] })).rejects.toThrow(
    /2 sums for 3 blocks.*Use the embeddings and the last hidden state/,
  );
});

async function nextToken(teacher: Teacher, ids: number[]): Promise<number> {
  const T = ids.length;
  const mask = new Uint8Array(T).fill(1);
  const { logits, V } = await teacher.forward(Int32Array.from(ids), mask, 1, T, { logits: true });
  const last = [...logits!.subarray((T - 1) * V)];
  return last.indexOf(Math.max(...last));
}

test.each(FAMILIES)("our export of %s", async (name) => {
  const { config, tensors } = await loadStudentWeights(traced(name));
  const written = memoryFiles(name, await exportStudentFolder(config, tensors, traced(name)));
  expect(await distances(written, name)).toEqual(close);

  const [cached, whole] = [
    await openTeacher(written, { device: "cpu" }),
    await openTeacher(traced(name), { device: "cpu" }),
  ];
  for (const prompt of ["the", "12 and the other", "x"]) {
    const text = await cached.generate(prompt, { maxNewTokens: 10 });
    expect(await whole.generate(prompt, { maxNewTokens: 10 })).toBe(text);
  }
  const first = await nextToken(whole, whole.tokenizer.encode("x"));
  const eos = encode({ eos_token: whole.tokenizer.rawToken(first), pad_token: "<pad>" });
  const stopping = await openTeacher(traced(name, new Map([["tokenizer_config.json", eos]])), {
    device: "cpu",
  });
  expect(await stopping.generate("x", { maxNewTokens: 9 })).toBe("");
  await stopping.dispose();

  const stop = AbortSignal.abort(new Error("stopped"));
  await expect(whole.generate("x", { maxNewTokens: 10, signal: stop })).rejects.toThrow("stopped");
  await Promise.all([cached.dispose(), whole.dispose()]);
});
