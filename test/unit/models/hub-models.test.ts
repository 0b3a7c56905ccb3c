// models as they are on the hub, which no exporter of ours writes — plan
//   tokens     × {one token more than embeddings (Gemma 3), four behind a gap (Code Llama), an added [PAD] that pads}: teacher and
//              student open; other texts have the same ids as before; a text with the token is refused by its name, a row
//              with it drops out with the reason; eos without an embedding and another model's vocabulary are refused
//   buffers    × {gpt_neox, gpt2, llama} × {masks in U8, BOOL, F32; −inf; I64 positions; rotary tables}: the weights are those of the
//              file without them, to the bit; a weight in U8, F64, F8 is refused by name; a float that nothing explains too
//   heads      tied, and stored: equal says nothing, stale says so and trains on the embedding
//   data       × {./, spaces, non-ASCII, .onnx.data, a folder, one file per tensor, no lengths}: teacher's logits and student's
//              weights are those of the graph in one piece; × what leaves the folder: refused
//   pointers   × {safetensors, ONNX, its data, tokenizer, index, shard}: named as Git LFS pointers, however the file is cut
//   config     pad −1 and vocab_size, head counts by family where they are not said (Transformers 4.57's defaults)
//   handles    a broken ONNX file is closed again
import {
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

import { prepareDataset } from "../../../src/data";
import {
  loadStudentWeights,
  loadTokenizer,
  memoryFiles,
  type ModelFiles,
  openTeacher,
  parseModelConfig,
  readSafetensors,
  urlFiles,
} from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { modelProto } from "../../../src/models/onnx/write";
import { movedOut } from "./moved-out";
import { encode, special, tinyFolder } from "./tiny";

const fixtures = join(import.meta.dirname, "../../fixtures/models");
const json = (bytes: Uint8Array): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;

describe("more tokens than embeddings", () => {
  async function withTokens(
    added: [id: number, text: string][],
    settings: object = {},
  ): Promise<Map<string, Uint8Array>> {
    const folder = await tinyFolder();
    const tokenizer = json(folder.get("tokenizer.json")!);
    const known = tokenizer["added_tokens"] as object[];
    folder.set(
      "tokenizer.json",
      encode({ ...tokenizer, added_tokens: [...known, ...added.map(([id, text]) => special(id, text))] }),
    );
    folder.set(
      "tokenizer_config.json",
      encode({ ...json(folder.get("tokenizer_config.json")!), ...settings }),
    );
    return folder;
  }
  const CASES: [string, [number, string][], object][] = [
    ["one more", [[272, "<image_soft_token>"]], {}],
    [
      "four behind a gap",
      [
        [300, "▁<PRE>"],
        [301, "▁<MID>"],
        [302, "▁<SUF>"],
        [303, "▁<EOT>"],
      ],
      {},
    ],
    ["an added [PAD]", [[272, "[PAD]"]], { pad_token: "[PAD]" }],
  ];

  test.each(CASES)("%s", async (_, added, settings) => {
    const plain = await loadTokenizer(memoryFiles("tiny", await tinyFolder()));
    const files = memoryFiles("m", await withTokens(added, settings));
    const teacher = await openTeacher(files, { device: "cpu" });
    const tokenizer = await loadTokenizer(files);
    expect((await loadStudentWeights(files)).config.vocabSize).toBe(272);
    for (const { encode: ids, vocabSize, padId, stopIds } of [teacher.tokenizer, tokenizer]) {
      expect(ids("in the end, 12 on")).toEqual(plain.encode("in the end, 12 on"));
      expect([vocabSize, stopIds]).toEqual([272, [1]]);
      expect(padId).toBe("pad_token" in settings ? 1 : 0);
      for (const [id, text] of added) {
        expect(() => ids(`a ${text} b`)).toThrow(
          `the token ${JSON.stringify(text)} (id ${id}) is part of this text, and the model has no embedding for it: it has 272`,
        );
      }
    }
    await teacher.dispose();
    const row = (id: string, prompt: string) => ({ id, prompt, output: "on" });
    const limits = { maxLength: 60, maxPrompt: 40 };
    const { usable, dropped } = prepareDataset(
      [row("1", "the end"), row("2", `the ${added[0]![1]}`), row("3", "and")],
      "plain",
      tokenizer,
      plain,
      { student: limits, teacher: limits },
    );
    expect(usable.map(({ row: { id } }) => id)).toEqual(["1", "3"]);
    expect(dropped.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(
        /^row 2: the token .* is part of this text, and the model has no embedding for it/,
      ),
    ]);
  });

  test("the end of a text without an embedding is refused", async () => {
    const folder = await withTokens([[272, "<end>"]], { eos_token: "<end>" });
    await expect(loadTokenizer(memoryFiles("m", folder))).rejects.toThrow(
      /the token "<end>" \(id 272\) is the end of every text, and the model has no embedding for it/,
    );
  });

  test("another model's vocabulary is refused", async () => {
    const folder = await tinyFolder();
    folder.set("config.json", encode({ ...json(folder.get("config.json")!), vocab_size: 150 }));
    await expect(loadTokenizer(memoryFiles("m", folder))).rejects.toThrow(
      /tokenizer\.json has 272 tokens, and config\.json gives the model embeddings for 150: it does not belong to this model/,
    );
  });
});

/** A safetensors file with tensors of any type added. */
type Extra = readonly [name: string, dtype: string, shape: readonly number[], bytes: Uint8Array];
function withExtras(file: Uint8Array, extras: readonly Extra[], without: readonly string[] = []): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = json(file.subarray(8, 8 + length));
  for (const name of without) delete header[name];
  let at = file.length - 8 - length;
  for (const [name, dtype, shape, bytes] of extras) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  const head = encode(header);
  const out = new Uint8Array(8 + head.length + at);
  new DataView(out.buffer).setBigUint64(0, BigInt(head.length), true);
  out.set(head, 8);
  out.set(file.subarray(8 + length), 8 + head.length);
  let to = 8 + head.length + file.length - 8 - length;
  for (const [, , , bytes] of extras) {
    out.set(bytes, to);
    to += bytes.length;
  }
  return out;
}
const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const MASK = new Uint8Array(16 * 16).map((_, i) => (i % 16 <= Math.floor(i / 16) ? 1 : 0));
const mask = (name: string, dtype: string): Extra => [name, dtype, [1, 1, 16, 16], MASK];
const floats = (name: string, ...values: number[]): Extra => [
  name,
  "F32",
  values.length === 1 ? [] : [values.length],
  bytesOf(Float32Array.from(values)),
];
const ids = (name: string): Extra => [name, "I64", [1, 4], bytesOf(BigInt64Array.of(0n, 1n, 2n, 3n))];

describe("tensors that are no weights", () => {
  const folder = (family: string, extras: readonly Extra[], without: readonly string[] = []) => {
    const weights = new Uint8Array(readFileSync(join(fixtures, family, "model.safetensors")));
    return memoryFiles(
      family,
      new Map([
        ["config.json", new Uint8Array(readFileSync(join(fixtures, family, "config.json")))],
        ["model.safetensors", withExtras(weights, extras, without)],
      ]),
    );
  };
  const NEOX = "gpt_neox.layers.0.attention";
  const CASES: [string, string, readonly Extra[]][] = [
    ["gpt_neox", "U8 mask", [mask(`${NEOX}.bias`, "U8"), floats(`${NEOX}.masked_bias`, -Infinity)]],
    ["gpt_neox", "rotary table", [floats(`${NEOX}.rotary_emb.inv_freq`, 1, 0.5)]],
    ["gpt2", "U8 mask", [mask("h.0.attn.bias", "U8"), floats("h.0.attn.masked_bias", -1e4)]],
    ["gpt2", "BOOL mask", [mask("transformer.h.1.attn.bias", "BOOL")]],
    [
      "gpt2",
      "F32 mask",
      [[...mask("h.0.attn.bias", "F32").slice(0, 3), new Uint8Array(1024)] as unknown as Extra],
    ],
    [
      "llama",
      "positions and rotary tables",
      [ids("model.position_ids"), floats("model.layers.0.self_attn.rotary_emb.inv_freq", 1, 2, 3)],
    ],
    ["llama", "whole numbers nobody knows", [ids("model.layers.0.steps_seen"), mask("model.flags", "U8")]],
  ];
  test.each(CASES)("%s: %s", async (family, _, extras) => {
    const { tensors, notes } = await loadStudentWeights(folder(family, extras));
    const plain = await loadStudentWeights(folder(family, []));
    expect(tensors).toEqual(plain.tensors);
    expect(notes).toEqual([]);
  });

  const norm = "model.norm.weight";
  const typed = (name: string, dtype: string, each: number, width: number): Extra => [
    name,
    dtype,
    [width],
    new Uint8Array(each * width),
  ];
  test.each([
    ["U8", 1],
    ["F64", 8],
    ["F8_E4M3", 1],
    ["I32", 4],
  ])("a weight stored as %s is refused by name", async (dtype, each) => {
    const files = folder("llama", [typed(norm, dtype, each, 8)], [norm]);
    await expect(loadStudentWeights(files)).rejects.toThrow(
      `model.safetensors: ${norm} is stored as "${dtype}"; supported are F32, F16, BF16`,
    );
  });

  test.each(["F32", "F64", "F8_E5M2"])("a %s tensor that nothing explains is refused", async (dtype) => {
    const each = { F32: 4, F64: 8 }[dtype] ?? 1;
    const files = folder("llama", [typed("model.layers.0.self_attn.q_proj.bias", dtype, each, 8)]);
    await expect(loadStudentWeights(files)).rejects.toThrow(
      /config\.json does not explain model\.layers\.0\.self_attn\.q_proj\.bias/,
    );
  });

  test("a tied head that is stored as well", async () => {
    const weights = readSafetensors(
      new Uint8Array(readFileSync(join(fixtures, "llama", "model.safetensors"))),
    );
    const embedding = weights.get("model.embed_tokens.weight")!;
    const head = (data: Float32Array): Extra => ["lm_head.weight", "F32", embedding.shape, bytesOf(data)];
    const equal = await loadStudentWeights(folder("llama", [head(embedding.data)]));
    const stale = await loadStudentWeights(folder("llama", [head(embedding.data.map((x) => x + 1))]));
    expect(equal.notes).toEqual([]);
    expect(stale.notes).toEqual([
      expect.stringMatching(
        /^lm_head\.weight is stored and differs from model\.embed_tokens\.weight.*as in Transformers/,
      ),
    ]);
    expect(stale.tensors).toEqual(equal.tensors);
  });
});

describe("weights beside the graph", () => {
  const opens = async (folder: ReadonlyMap<string, Uint8Array>) => {
    const teacher = await openTeacher(memoryFiles("m", folder), { device: "cpu" });
    const T = 12;
    const out = await teacher.forward(
      Int32Array.from({ length: T }, (_, i) => 3 + i * 7),
      new Uint8Array(T).fill(1),
      1,
      T,
      { logits: true },
    );
    await teacher.dispose();
    return out.logits!;
  };
  const split = async (locationOf: (tensor: string, index: number) => string, lengths = true) => {
    const folder = await tinyFolder();
    const { model, data } = movedOut(folder.get("onnx/model.onnx")!, locationOf, { lengths });
    folder.set("onnx/model.onnx", model);
    for (const [location, bytes] of data) folder.set(`onnx/${location.replace(/^(\.\/)+/, "")}`, bytes);
    return { folder, locations: data.size };
  };

  const plain = /^[\w.-]+$/;
  test.each<[string, (tensor: string, index: number) => string]>([
    ["./model.onnx_data", () => "./model.onnx_data"],
    ["././", () => "././model.onnx_data"],
    ["a space", () => "model weights.bin"],
    ["non-ASCII", () => "modèle-重み.onnx_data"],
    ["model.onnx.data", () => "model.onnx.data"],
    ["a folder", () => "weights/part 1.bin"],
    ["signs that addresses use", () => "a#b?c%20d&e.bin"],
    ["one file per tensor", (tensor, i) => (plain.test(tensor) ? tensor : `onnx__MatMul_${i}`)],
    ["two files", (_, i) => (i % 2 ? "model.onnx_data" : "model.onnx_data_1")],
  ])("%s", async (_, locationOf) => {
    const whole = await tinyFolder();
    const want = await opens(whole);
    for (const lengths of [true, false]) {
      const { folder, locations } = await split(locationOf, lengths);
      if (!lengths && locations < 15) continue; // several tensors in a file need lengths
      expect(await opens(folder)).toEqual(want);
      const student = new Map([...folder].filter(([path]) => path !== "model.safetensors"));
      const { tensors } = await loadStudentWeights(memoryFiles("m", student));
      expect(tensors).toEqual((await loadStudentWeights(memoryFiles("m", whole))).tensors);
    }
  });

  test("names reach a host as they are", async () => {
    const asked: string[] = [];
    const files = urlFiles("m", "https://x/m", async (url) => {
      asked.push(url);
      return new Response("abc");
    });
    await files.read("onnx/a b#é?.data");
    await files.has("onnx/a b#é?.data");
    expect(asked).toEqual(Array(2).fill("https://x/m/onnx/a%20b%23%C3%A9%3F.data"));
  });

  test.each([
    "../x",
    "/etc/passwd",
    "a/../../x",
    "a/../x",
    "..",
    ".",
    "a//b",
    "C:\\x",
    "c:x",
    "..\\x",
    "~/x",
    "a\u0000b",
  ])("never outside the folder: %j", async (location) => {
    const { folder } = await split(() => location);
    const words = /weights are said to lie in .* which is not a file beside the graph/;
    await expect(opens(folder)).rejects.toThrow(words);
    const student = new Map([...folder].filter(([path]) => path !== "model.safetensors"));
    await expect(loadStudentWeights(memoryFiles("m", student))).rejects.toThrow(words);
  });
});

describe("Git LFS pointers", () => {
  const POINTER = new TextEncoder().encode(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"4f".repeat(32)}\nsize 538090408\n`,
  );
  const WORDS =
    /this is a Git LFS pointer, not the file itself, which has 538,090,408 bytes\. Run `git lfs pull`/;
  const load = async (folder: Map<string, Uint8Array>, pieces = 0) => {
    const memory = memoryFiles("m", folder);
    const files: ModelFiles = {
      ...memory,
      ...(pieces > 0 && {
        async stream(path) {
          const bytes = await memory.read(path);
          return {
            size: bytes.length,
            chunks: (async function* () {
              for (let at = 0; at < bytes.length; at += pieces) yield bytes.slice(at, at + pieces);
            })(),
          };
        },
      }),
    };
    await loadStudentWeights(files);
    await (await openTeacher(files, { device: "cpu" })).dispose();
  };
  const replaced = async (path: string): Promise<Map<string, Uint8Array>> =>
    (await tinyFolder()).set(path, POINTER);

  test.each(["model.safetensors", "onnx/model.onnx", "tokenizer.json"])("%s", async (path) => {
    await expect(load(await replaced(path))).rejects.toThrow(WORDS);
    await expect(load(await replaced(path))).rejects.toThrow(path);
  });
  test("in pieces", async () => {
    for (const pieces of [1, 7, 8, 50])
      await expect(load(await replaced("model.safetensors"), pieces)).rejects.toThrow(WORDS);
  });
  test("an ONNX file as a student's only weights, and a data file", async () => {
    const folder = await replaced("onnx/model.onnx");
    folder.delete("model.safetensors");
    await expect(loadStudentWeights(memoryFiles("m", folder))).rejects.toThrow(WORDS);
    const split = await tinyFolder();
    const { model } = movedOut(split.get("onnx/model.onnx")!, () => "model.onnx_data");
    split.set("onnx/model.onnx", model).set("onnx/model.onnx_data", POINTER).delete("model.safetensors");
    await expect(loadStudentWeights(memoryFiles("m", split))).rejects.toThrow(WORDS);
    await expect(openTeacher(memoryFiles("m", split), { device: "cpu" })).rejects.toThrow(WORDS);
  });
  test("a shard", async () => {
    const folder = await replaced("part-1.safetensors");
    folder.delete("model.safetensors");
    folder.set("model.safetensors.index.json", encode({ weight_map: { x: "part-1.safetensors" } }));
    await expect(loadStudentWeights(memoryFiles("m", folder))).rejects.toThrow(WORDS);
  });
});

describe("config.json", () => {
  const llama = {
    ...{ model_type: "llama", vocab_size: 512, hidden_size: 64, intermediate_size: 128 },
    ...{ num_hidden_layers: 2, num_attention_heads: 4, eos_token_id: 2 },
  };
  test.each([-1, 512, 99_999, null])("pad_token_id %s is none", (pad) => {
    expect(parseModelConfig({ ...llama, pad_token_id: pad }).padId).toBe(2);
  });
  test("a pad token that is there is taken, and text is refused", () => {
    expect(parseModelConfig({ ...llama, pad_token_id: 0 }).padId).toBe(0);
    expect(() => parseModelConfig({ ...llama, pad_token_id: "<pad>" })).toThrow(
      /pad_token_id must be a token id/,
    );
  });

  // The defaults of Gemma3TextConfig, LlamaConfig, Qwen2Config, Qwen3Config, GPTNeoXConfig and GPT2Config.
  const { num_attention_heads: _, ...silent } = { ...llama, hidden_size: 1536 };
  test.each([
    ["gemma3_text", {}, 8, 4],
    ["gemma3_text", { num_attention_heads: 4 }, 4, 4],
    ["gemma3_text", { num_key_value_heads: 1 }, 8, 1],
    ["llama", {}, 32, 32],
    ["llama", { num_attention_heads: 12 }, 12, 12],
    ["qwen2", { num_attention_heads: 64 }, 64, 32],
    ["qwen2", { num_attention_heads: 64, num_key_value_heads: null }, 64, 64],
    ["qwen3", {}, 32, 32],
    ["gpt_neox", {}, 64, 64],
  ])("%s %j has %i heads, %i of keys", (modelType, json, heads, kvHeads) => {
    expect(parseModelConfig({ ...silent, model_type: modelType, ...json })).toMatchObject({ heads, kvHeads });
  });
  test("gpt2 has 12 heads", () => {
    const { hidden_size: n_embd, num_hidden_layers: n_layer, ...rest } = silent;
    expect(parseModelConfig({ ...rest, n_embd, n_layer, model_type: "gpt2" })).toMatchObject({ heads: 12 });
  });
});

test.runIf(process.platform === "linux")("a broken ONNX file is closed again", async () => {
  const at = mkdtempSync(join(tmpdir(), "couplet-handles-"));
  try {
    const folder = await tinyFolder();
    folder.delete("model.safetensors");
    const broken = folder.get("onnx/model.onnx")!.slice();
    broken.fill(0xff, 40, 400);
    const other = modelProto("g", { nodes: [], initializers: [], inputs: [], outputs: [] });
    for (const bytes of [
      broken,
      folder.get("onnx/model.onnx")!.subarray(0, 50_000),
      other,
      new Uint8Array(3),
    ]) {
      folder.set("onnx/model.onnx", bytes);
      for (const [path, content] of folder) {
        mkdirSync(dirname(join(at, path)), { recursive: true });
        writeFileSync(join(at, path), content);
      }
      const files = folderFiles("m", at);
      await expect(loadStudentWeights(files)).rejects.toThrow(/onnx\/model\.onnx/);
      await expect(openTeacher(files, { device: "cpu" })).rejects.toThrow(/onnx\/model\.onnx/);
    }
    const open = readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return [];
      }
    });
    expect(open.filter((path) => path.startsWith(at))).toEqual([]);
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
});
