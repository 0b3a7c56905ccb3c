// opening broken or foreign folders — plan
//   files     memory, directory, URL: missing, HTML fallback, server error, cut download, other sites
//   config    each unsupported field by name; each number out of range; round trip
//   weights   missing tensor, wrong shape, unexplained tensor, NaN; tied heads and rotary tables are fine
//   stand-ins × {config, tokenizer, weights, graph} that are HTML pages, however they arrive; JSON with a byte order mark or in UTF-16 is read
//   wrapped   × {module., _orig_mod., base_model.model.} in front of every tensor: named, with what to save; no tokenizer_config.json
//   graph     cut, not ONNX, other inputs, no logits, wrong sizes, refused by ONNX Runtime; the next model still opens
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import {
  inspectLocal,
  loadModelConfig,
  loadStudentWeights,
  loadTokenizer,
  memoryFiles,
  modelConfigJson,
  ModelError,
  openTeacher,
  parseModelConfig,
  urlFiles,
  writeSafetensors,
} from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { modelProto, nodeProto, tensorProto, valueInfo } from "../../../src/models/onnx/write";
import { encode, randomTensors, tinyConfig, tinyFolder } from "./tiny";

async function refused(promise: Promise<unknown>): Promise<ModelError> {
  const error = await promise.then(
    () => new Error("opened"),
    (e: unknown) => e,
  );
  if (!(error instanceof ModelError)) throw new Error("expected a ModelError", { cause: error });
  return error;
}

describe("what is not the file itself", () => {
  const PAGES = [
    "<!DOCTYPE html>\n<title>Sign in</title>",
    "\n <html lang=en><body>404",
    "<!-- moved --><html>",
  ];
  const load = async (folder: Map<string, Uint8Array>): Promise<void> => {
    await loadStudentWeights(memoryFiles("m", folder));
    await (await openTeacher(memoryFiles("m", folder), { device: "cpu" })).dispose();
  };

  test.each([
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
    "onnx/model.onnx",
  ])("an HTML page as %s", async (path) => {
    for (const page of PAGES) {
      const folder = (await tinyFolder()).set(path, new TextEncoder().encode(page));
      const { message } = await refused(load(folder));
      expect(message).toMatch(/this is an HTML page, not the file itself/);
      expect(message).toContain(path);
    }
  });

  test("a page that arrives in pieces", async () => {
    const memory = memoryFiles("m", await tinyFolder());
    const page = new TextEncoder().encode(PAGES[0]);
    const chunks = async function* () {
      for (let at = 0; at < page.length; at += 3) yield page.slice(at, at + 3);
    };
    const files = { ...memory, stream: async () => ({ size: page.length, chunks: chunks() }) };
    expect((await refused(loadStudentWeights(files))).message).toMatch(/this is an HTML page/);
  });

  test("JSON with a byte order mark, and in UTF-16", async () => {
    const text = new TextDecoder().decode((await tinyFolder()).get("config.json"));
    const utf16 = (little: boolean, mark: string) => {
      const bytes = new Uint8Array(2 * (mark + text).length);
      const view = new DataView(bytes.buffer);
      [...(mark + text)].forEach((letter, i) => view.setUint16(2 * i, letter.charCodeAt(0), little));
      return bytes;
    };
    const forms = [new TextEncoder().encode(`\ufeff${text}`)];
    for (const mark of ["\ufeff", ""]) forms.push(utf16(true, mark), utf16(false, mark));
    for (const bytes of forms)
      expect(await loadModelConfig(memoryFiles("m", new Map([["config.json", bytes]])))).toEqual(tinyConfig);
  });

  test.each(["module.", "_orig_mod.", "base_model.model.", "module._orig_mod."])(
    "every name behind %s",
    async (prefix) => {
      const tensors = [...randomTensors(tinyConfig, 1)].map(([name, t]) => [prefix + name, t] as const);
      const folder = (await tinyFolder()).set("model.safetensors", writeSafetensors(new Map(tensors)));
      const { message, code } = await refused(loadStudentWeights(memoryFiles("m", folder)));
      expect(code).toBe("mismatch");
      expect(message).toContain(`model.safetensors: every name has "${prefix}" in front`);
    },
  );

  test("a single name behind a prefix is another model", async () => {
    const tensors = [...randomTensors(tinyConfig, 1)].map(
      ([name, t], i) => [i ? name : `module.${name}`, t] as const,
    );
    const folder = (await tinyFolder()).set("model.safetensors", writeSafetensors(new Map(tensors)));
    const { message } = await refused(loadStudentWeights(memoryFiles("m", folder)));
    expect(message).toMatch(/model\.embed_tokens\.weight is missing/);
  });

  test("no tokenizer_config.json", async () => {
    const folder = await tinyFolder();
    folder.delete("tokenizer_config.json");
    const words = /tokenizer_config\.json.*the token that ends a text.*save_pretrained/;
    expect((await refused(loadTokenizer(memoryFiles("m", folder)))).message).toMatch(words);
    const listed = [...folder].map(([path, { length }]) => ({ path, bytes: length }));
    const { teacher, student } = await inspectLocal(memoryFiles("m", folder), listed);
    for (const role of [teacher, student])
      expect(role).toMatchObject({ can: false, why: expect.stringMatching(words) });
  });
});

describe("files", () => {
  const answer = (body: BodyInit, init: ResponseInit = {}) =>
    urlFiles("m", "https://x/m", async () => new Response(body, init));

  test("a URL: bytes, progress, paths", async () => {
    const asked: string[] = [];
    const seen: number[][] = [];
    const files = urlFiles("m", "https://x/m", async (url) => {
      asked.push(url);
      return new Response("abc", { headers: { "content-length": "3" } });
    });
    expect(await files.read("onnx/model.onnx", (...p) => seen.push(p))).toEqual(Uint8Array.of(97, 98, 99));
    expect([asked, seen]).toEqual([["https://x/m/onnx/model.onnx"], [[3, 3]]]);
    expect(await answer("").read("empty.txt")).toHaveLength(0);
  });

  test.each([
    ["404", answer("", { status: 404 }), "missing-file", "https://x/m/config.json answered 404"],
    [
      "index.html",
      answer("<!doctype html>", { headers: { "content-type": "text/html" } }),
      "missing-file",
      "HTML page",
    ],
    [
      "offline",
      urlFiles("m", "https://x/m", () => Promise.reject(new TypeError("no network"))),
      "missing-file",
      "no network",
    ],
    [
      "cut",
      answer("abc", { headers: { "content-length": "9" } }),
      "truncated",
      "config.json has 3 of 9 bytes",
    ],
  ])("a URL: %s", async (_, files, code, words) => {
    expect(await refused(files.read("config.json"))).toMatchObject({
      code,
      file: "config.json",
      message: expect.stringContaining(words),
    });
  });

  test("compressed answers have no usable length", async () => {
    const files = answer("abc", { headers: { "content-length": "2", "content-encoding": "gzip" } });
    expect(await files.read("config.json")).toHaveLength(3);
  });

  test("a URL of another site is refused in the browser", () => {
    const page = { href: "http://localhost:1/app/", origin: "http://localhost:1" };
    Object.assign(globalThis, { location: page });
    try {
      expect(() => urlFiles("m", "https://elsewhere.example/m")).toThrow(
        "from this site (http://localhost:1) only",
      );
      expect(() => urlFiles("m", "models/m")).not.toThrow();
    } finally {
      Reflect.deleteProperty(globalThis, "location");
    }
  });

  test("a directory", async () => {
    const dir = await mkdtemp(join(tmpdir(), "couplet-"));
    await mkdir(join(dir, "onnx"));
    await writeFile(join(dir, "onnx/model.onnx"), Uint8Array.of(1, 2));
    const files = folderFiles("d", dir);
    expect(await files.read("onnx/model.onnx")).toEqual(Uint8Array.of(1, 2));
    expect([await files.has("onnx/model.onnx"), await files.has("config.json")]).toEqual([true, false]);
    expect(await refused(files.read("config.json"))).toMatchObject({
      code: "missing-file",
      file: "config.json",
    });
    await rm(dir, { recursive: true });
  });
});

describe("config", () => {
  const good = modelConfigJson(tinyConfig);

  test("round trip, defaults, lists of eos", () => {
    expect(parseModelConfig(good)).toEqual(tinyConfig);
    const { head_dim: _h, num_key_value_heads: _k, rope_theta: _r, pad_token_id: _p, ...rest } = good;
    expect(
      parseModelConfig({
        ...rest,
        eos_token_id: [2, 3],
        rope_parameters: { rope_type: "default", rope_theta: 5e5 },
      }),
    ).toMatchObject({
      headDim: 6,
      kvHeads: 4,
      ropeTheta: 5e5,
      eosId: 2,
      padId: 2,
    });
  });

  test.each([
    ["model_type", "mistral", 'model_type is "mistral"; supported is "llama"'],
    ["model_type", undefined, "model_type is nothing"],
    ["rope_scaling", { rope_type: "longrope", factor: 32 }, "supported is a rope type of default, linear"],
    ["rope_parameters", { rope_type: "proportional" }, 'rope_parameters is {"rope_type":"proportional"}'],
    ["partial_rotary_factor", 0.5, "partial_rotary_factor is 0.5; supported is 1"],
    ["use_sliding_window", true, "supported is false: attention over the whole sequence"],
    ["layer_types", ["sliding_attention"], 'supported is "full_attention" in every layer'],
    ["num_local_experts", 8, "not a mixture of experts"],
    ["hidden_act", "gelu", 'hidden_act is "gelu"; supported is "silu"'],
    ["quantization_config", { bits: 4 }, "supported is weights in F32, F16 or BF16"],
  ])("unsupported %s", (field, value, words) => {
    const error = thrown(() => parseModelConfig({ ...good, [field]: value }));
    expect(error).toMatchObject({ code: "unsupported", message: expect.stringContaining(words) });
  });

  test.each([
    [{ hidden_size: 0 }, "hidden_size must be a whole number from 1"],
    [{ hidden_size: "24" }, 'got "24"'],
    [{ vocab_size: undefined }, "vocab_size must be a whole number from 1 to 16777216, got nothing"],
    [{ num_hidden_layers: 1e12 }, "num_hidden_layers"],
    [{ num_key_value_heads: 3 }, "must be a multiple"],
    [{ head_dim: 5 }, "head_dim must be even"],
    [{ head_dim: undefined, hidden_size: 25 }, "head_dim must be a whole number"],
    [{ rms_norm_eps: 0 }, "rms_norm_eps must be a number above 0"],
    [{ rope_theta: -1 }, "rope_theta must be a number above 0"],
    [{ rope_scaling: { type: "linear" } }, "factor must be a number above 0, got nothing"],
    [{ rope_scaling: { type: "llama3", factor: 8 } }, "low_freq_factor must be a number above 0"],
    [{ rope_scaling: 4 }, "rope_scaling must be an object, got 4"],
    [{ attention_bias: "yes" }, 'attention_bias must be true or false, got "yes"'],
    [{ eos_token_id: null }, "eos_token_id is missing"],
    [{ eos_token_id: 272 }, "must be a token id below vocab_size (272), got 272"],
  ])("out of range: %j", (changes, words) => {
    const error = thrown(() => parseModelConfig({ ...good, ...changes }));
    expect(error).toMatchObject({ code: "invalid", message: expect.stringContaining(words) });
  });

  test("the file is named", async () => {
    const files = (text: string) =>
      memoryFiles("m", new Map([["config.json", new TextEncoder().encode(text)]]));
    expect((await refused(loadModelConfig(files("{")))).message).toMatch(
      /^config\.json: expected UTF-8 JSON, but/,
    );
    expect((await refused(loadModelConfig(files("null")))).message).toBe(
      "config.json: expected a JSON object, got null",
    );
  });
});

describe("weights", () => {
  const load = (change: (tensors: ReturnType<typeof randomTensors>) => void, config = tinyConfig) => {
    const tensors = randomTensors(config, 1);
    change(tensors);
    const files = new Map([
      ["config.json", encode(modelConfigJson(config))],
      ["model.safetensors", writeSafetensors(tensors)],
    ]);
    return loadStudentWeights(memoryFiles("m", files));
  };
  const zeros = (...shape: number[]) => ({ shape, data: new Float32Array(shape.reduce((p, n) => p * n, 1)) });

  test("a tied head stored twice and rotary tables are left out", async () => {
    const { tensors } = await load((t) =>
      t
        .set("lm_head.weight", t.get("model.embed_tokens.weight")!)
        .set("model.layers.0.self_attn.rotary_emb.inv_freq", zeros(3)),
    );
    expect([...tensors.keys()]).toEqual([...randomTensors(tinyConfig, 1).keys()]);
  });

  test.each([
    [
      "a tensor is missing",
      (t) => t.delete("model.norm.weight"),
      "mismatch",
      "model.norm.weight is missing; the file holds model.embed_tokens.weight,",
    ],
    [
      "a shape",
      (t) => t.set("model.norm.weight", zeros(25)),
      "mismatch",
      "model.norm.weight has shape [25], config.json implies [24]",
    ],
    [
      "a transposed weight",
      (t) => t.set("model.layers.1.mlp.up_proj.weight", zeros(24, 40)),
      "mismatch",
      "[24, 40], config.json implies [40, 24]",
    ],
    [
      "a bias",
      (t) => t.set("model.layers.0.self_attn.q_proj.bias", zeros(24)),
      "mismatch",
      "config.json does not explain model.layers.0.self_attn.q_proj.bias",
    ],
    [
      "a NaN",
      (t) => t.get("model.norm.weight")!.data.fill(NaN, 3),
      "invalid",
      "model.norm.weight holds NaN at position 3",
    ],
  ] as [string, (t: ReturnType<typeof randomTensors>) => void, string, string][])(
    "%s",
    async (_, change, code, words) => {
      const error = await refused(load(change));
      expect(error).toMatchObject({
        code,
        file: "model.safetensors",
        message: expect.stringContaining(words),
      });
    },
  );

  test("an untied head is missing", async () => {
    const error = await refused(
      load((t) => t.delete("lm_head.weight"), { ...tinyConfig, tiedEmbeddings: false }),
    );
    expect(error.message).toContain(
      "lm_head.weight is missing (config.json says tie_word_embeddings: false)",
    );
  });
});

describe("graph", () => {
  const open = async (change: (folder: Map<string, Uint8Array>) => void) => {
    const folder = await tinyFolder();
    change(folder);
    const teacher = await openTeacher(memoryFiles("m", folder), { device: "cpu" });
    await teacher.dispose();
  };
  const onnx = (f: Map<string, Uint8Array>) => f.get("onnx/model.onnx")!;
  const config = (f: Map<string, Uint8Array>, changes: object) =>
    f.set("config.json", encode({ ...modelConfigJson(tinyConfig), ...changes }));
  const plain = (inputs: string[], output: string, op = "MatMul") =>
    modelProto("g", {
      nodes: [
        nodeProto({ op: "Gather", name: "e", inputs: ["E", "input_ids"], outputs: ["e"] }),
        nodeProto({ op: "Relu", name: "r", inputs: ["e"], outputs: ["r"] }),
        nodeProto({ op: "Add", name: "a", inputs: ["e", "r"], outputs: ["h"] }),
        nodeProto({ op, name: "m", inputs: ["h", "W"], outputs: ["x"] }),
        nodeProto({ op: "Mul", name: "s", inputs: ["x", "two"], outputs: [output] }),
      ],
      initializers: [
        tensorProto("E", [272, 24], 1, new Float32Array(272 * 24).fill(0.5)),
        tensorProto("W", [24, 272], 1, new Float32Array(272 * 24).fill(0.5)),
        tensorProto("two", [], 1, Float32Array.of(2)),
      ],
      inputs: inputs.map((name) => valueInfo(name, 7, ["B", "T"])),
      outputs: [valueInfo(output, 1, ["B", "T", 272])],
    });

  test.each([
    [
      "missing, and no weights to make it from",
      (f) => f.delete("onnx/model.onnx") && f.delete("model.safetensors"),
      "missing-file",
      "needs onnx/model.onnx",
    ],
    [
      "cut",
      (f) => f.set("onnx/model.onnx", onnx(f).subarray(0, 50_000)),
      "truncated",
      "onnx/model.onnx: cut-off ONNX",
    ],
    [
      "not ONNX",
      (f) => f.set("onnx/model.onnx", encode({ no: 1 })),
      "invalid",
      "onnx/model.onnx: broken ONNX",
    ],
    ["empty", (f) => f.set("onnx/model.onnx", new Uint8Array(0)), "invalid", "it has no graph"],
    [
      "an encoder-decoder",
      (f) => f.set("onnx/model.onnx", plain(["input_ids", "encoder_hidden_states"], "logits")),
      "unsupported",
      "this graph takes input_ids, encoder_hidden_states",
    ],
    [
      "no logits",
      (f) => f.set("onnx/model.onnx", plain(["input_ids"], "scores")),
      "unsupported",
      "this graph returns scores",
    ],
    [
      "logits changed after the head",
      (f) => f.set("onnx/model.onnx", plain(["input_ids"], "logits")),
      "mismatch",
      "misses the logits by 12.0 (logits reach 24.0)",
    ],
    [
      "an operator that does not exist",
      (f) => f.set("onnx/model.onnx", plain(["input_ids"], "logits", "FusedMatMul")),
      "invalid",
      "ONNX Runtime refused it on cpu",
    ],
    [
      "hidden_size",
      (f) => config(f, { hidden_size: 48 }),
      "mismatch",
      "[1, 8, 24], config.json implies [1, 8, 48]",
    ],
    [
      "vocab_size",
      (f) => config(f, { vocab_size: 271 }),
      "mismatch",
      "logits has shape [1, 8, 272], config.json implies [1, 8, 271]",
    ],
    [
      "another architecture",
      (f) => config(f, { model_type: "t5" }),
      "unsupported",
      'model_type is "t5"; supported for a teacher are llama',
    ],
    [
      "no size",
      (f) => config(f, { vocab_size: 0 }),
      "invalid",
      "vocab_size must be a whole number above 0, got 0",
    ],
  ] as [string, (f: Map<string, Uint8Array>) => void, string, string][])(
    "%s",
    async (_, change, code, words) => {
      const error = await refused(open(change));
      expect(error.message).toContain(words);
      expect(error.code).toBe(code);
      await open(() => undefined); // a refusal leaves nothing behind: the next model opens
    },
  );
});

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("expected an error, but nothing was thrown");
}
