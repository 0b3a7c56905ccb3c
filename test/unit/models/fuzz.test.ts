// broken files — plan
//   × {ONNX wire (read, taps, blocks, weights; in chunks), safetensors (in chunks), JSON lines (strict), any data file}: 20,000 mutants
//   each are read or refused by one clear error, in a time like the whole file's
import { expect, test } from "vitest";
import { createRng } from "../../../src/config/rng";
import { DataError, importText, parseRows } from "../../../src/data";
import { ModelError, writeSafetensors } from "../../../src/models";
import { findLayers } from "../../../src/models/onnx/layers";
import { findTaps, headWeight, lookupTable } from "../../../src/models/onnx/taps";
import { tensorsFromOnnx } from "../../../src/models/onnx/parameters";
import { outlineOnnx } from "../../../src/models/onnx/stream";
import { readOnnx } from "../../../src/models/onnx/wire";
import { modelProto, nodeProto, tensorProto, valueInfo } from "../../../src/models/onnx/write";
import { createSafetensorsReader } from "../../../src/models/files/safetensors";
import { randomTensors, tinyConfig } from "./tiny";

const MUTANTS = 20_000;
/** A damaged file may take so many times as long as the whole one: a machine that is slow is slow for both. */
const MOST_TIMES = 200;

type Rng = ReturnType<typeof createRng>;

/** Flipped, overwritten, cut, doubled and moved bytes; most of it where the structure is. */
function mutant(bytes: Uint8Array, rng: Rng): Uint8Array {
  let out = bytes.slice();
  for (let n = 1 + rng.int(6); n > 0; n--) {
    const at = rng.int(rng.int(2) ? out.length : Math.min(out.length, 600));
    const values = [0, 1, 0x7f, 0x80, 0xff, out[at]! ^ (1 << rng.int(8)), rng.int(256)];
    out[at] = values[rng.int(values.length)]!;
  }
  const [a, b] = [rng.int(out.length), rng.int(out.length)].toSorted((x, y) => x - y) as [number, number];
  const kind = rng.int(6);
  if (kind === 0) out = out.subarray(0, a);
  if (kind === 1) out = Uint8Array.from([...out.subarray(0, a), ...out.subarray(b)]);
  if (kind === 2) out = Uint8Array.from([...out.subarray(0, b), ...out.subarray(a)]);
  return out;
}

async function fuzz(
  bytes: Uint8Array,
  read: (bytes: Uint8Array, rng: Rng) => unknown,
  known: typeof ModelError | typeof DataError,
): Promise<string> {
  const rng = createRng(20_26);
  const counts = { read: 0, refused: 0 };
  let slowest = { ms: 0, bytes };
  for (let i = 0; i < MUTANTS; i++) {
    const broken = mutant(bytes, rng);
    const started = performance.now();
    try {
      await read(broken, rng);
      counts.read++;
    } catch (error) {
      counts.refused++;
      if (!(error instanceof known)) throw new Error(`mutant ${i} met ${String(error)}`, { cause: error });
      expect(error.message.length).toBeGreaterThan(20);
      expect(error.message.length).toBeLessThan(2000);
    }
    const ms = performance.now() - started;
    if (ms > slowest.ms) slowest = { ms, bytes: broken };
  }
  const { read: passed, refused } = counts;
  // Damage to values alone is not the reader's to see: some are read.
  if (passed < 100 || refused < 1000) return `${passed} read, ${refused} refused: not both`;
  const [intact, worst] = [
    await quickest(() => read(bytes, rng)),
    await quickest(() => read(slowest.bytes, rng)),
  ];
  return worst < MOST_TIMES * intact
    ? "all read or refused"
    : `one took ${(worst / intact).toFixed(0)} times as long`;
}

/** Milliseconds of the best of a few tries: the others were interrupted. */
async function quickest(work: () => unknown): Promise<number> {
  let best = Infinity;
  for (let n = 0; n < 7; n++) {
    const started = performance.now();
    try {
      await work();
    } catch {
      // refused, as before
    }
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

const small = {
  ...tinyConfig,
  vocabSize: 8,
  hiddenSize: 4,
  intermediateSize: 4,
  heads: 2,
  kvHeads: 1,
  headDim: 2,
  layers: 1,
};

/** All that the readers look for, in as few bytes as will do. */
function smallGraph(): Uint8Array {
  const node = (op: string, name: string, inputs: string[], output: string, attributes = {}) =>
    nodeProto({ op, name, inputs, outputs: [output], attributes });
  const table = Float32Array.from({ length: 8 }, (_, i) => i / 3);
  return modelProto("g", {
    nodes: [
      node("Identity", "same", ["model.embed_tokens.weight"], "table"),
      node("Gather", "/model/embed_tokens/Gather", ["table", "input_ids"], "x"),
      node("LayerNormalization", "/model/norm_0/LN", ["x", "model.norm_0.weight"], "n", { axis: -1 }),
      node("MatMul", "/model/layers.0/q_proj/MatMul", ["n", "onnx::MatMul_7"], "q"),
      node("Add", "/model/layers.0/Add", ["x", "q"], "y"),
      node("Mul", "/model/norm/Mul", ["y", "model.norm_0.weight"], "hidden"),
      node("Transpose", "/lm_head/Transpose", ["table"], "head", { perm: [1, 0] }),
      node("MatMul", "/lm_head/MatMul", ["hidden", "head"], "logits"),
    ],
    initializers: [
      tensorProto("model.embed_tokens.weight", [4, 2], 1, table),
      tensorProto("model.norm_0.weight", [2], 1, table.subarray(0, 2)),
      tensorProto("onnx::MatMul_7", [2, 2], 10, Uint16Array.of(1, 2, 3, 4)),
    ],
    inputs: [valueInfo("input_ids", 7, ["batch_size", "sequence_length"])],
    outputs: [valueInfo("logits", 1, ["batch_size", "sequence_length", 4])],
  });
}

test("ONNX", async () => {
  const expected = new Map([
    ["model.embed_tokens.weight", [4, 2]],
    ["model.layers.0.q_proj.weight", [2, 2]],
  ]);
  const read = (bytes: Uint8Array): void => {
    const graph = readOnnx(bytes);
    const taps = findTaps(graph);
    findLayers(graph, taps.embedding, 1);
    headWeight(graph, taps);
    lookupTable(graph, taps);
    tensorsFromOnnx(graph, expected);
  };
  read(smallGraph()); // control: unbroken, it is read
  expect(await fuzz(smallGraph(), read, ModelError)).toBe("all read or refused");
});

test("ONNX in chunks", async () => {
  const read = async (bytes: Uint8Array, rng?: Rng): Promise<void> => {
    async function* chunks() {
      for (let at = 0; at < bytes.length;) {
        const size = 1 + (rng?.int(rng.int(2) ? 8 : bytes.length) ?? bytes.length);
        yield bytes.subarray(at, (at += size));
      }
    }
    readOnnx(await outlineOnnx({ ...(rng?.int(2) && { size: bytes.length }), chunks: chunks() }, 8));
  };
  await read(smallGraph());
  expect(await fuzz(smallGraph(), read, ModelError)).toBe("all read or refused");
});

test("safetensors", async () => {
  const read = (bytes: Uint8Array, rng: Rng): void => {
    const reader = createSafetensorsReader(bytes.length);
    for (let at = 0; at < bytes.length;) {
      const size = 1 + rng.int(900);
      reader.push(bytes.subarray(at, at + size));
      at += size;
    }
    reader.end();
  };
  expect(await fuzz(writeSafetensors(randomTensors(small, 1)), read, ModelError)).toBe("all read or refused");
});

const JSONL = [
  {
    id: "a",
    prompt: "Question: what?\nAnswer:\n",
    output: "this",
    prompt_cot: "Q\u00e9",
    output_cot: "so 📚",
    answer: "1",
  },
  { id: "b", family: "x", prompt: "q", output: "r" },
  { prompt: "p", output: "o", prompt_raw: "pr", output_raw: "or" },
]
  .map((row) => JSON.stringify(row))
  .join("\n");
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("JSON lines", async () => {
  expect(
    await fuzz(new TextEncoder().encode(JSONL), (bytes) => parseRows(text(bytes), "x.jsonl"), DataError),
  ).toBe("all read or refused");
});

test("any data file", async () => {
  const csv = 'question,answer,reasoning\n"a ""b"", c",d,e\nf,"g\nh",i\n';
  const files = [JSONL, `[${JSONL.split("\n").join(",")}]`, csv, "What?\nThis.\n\nWho?\tMe."];
  const names = ["x.jsonl", "x.json", "x.csv", "x.txt"];
  const joined = new TextEncoder().encode(files.join("\u0000"));
  const read = (bytes: Uint8Array, rng: Rng): void => {
    const parts = text(bytes).split("\u0000");
    const which = rng.int(names.length);
    importText(parts[which] ?? "", names[which]!);
  };
  expect(await fuzz(joined, read, DataError)).toBe("all read or refused");
});
