// file formats — plan
//   safetensors  round trip; F16 and BF16 with subnormals, infinities, NaN against exact values; wrong headers, offsets,
//                overlaps, lengths, types, truncation at every tenth byte; 2,000 mutants
//   onnx wire    fields of our own file; long and negative numbers; truncation; 2,000 mutants
//   patch        adds outputs and touches nothing; 500 MB without a copy (20–40 ms of processor time, mostly the first reading)
//   taps         found on hand-written graphs: fused head, Gemm, post-processing of logits, scaled embeddings; refused
import { describe, expect, test } from "vitest";

import { createRng } from "../../../src/config/rng";
import { ModelError, readSafetensors, writeSafetensors } from "../../../src/models";
import { allocate, appended, concatBytes } from "../../../src/models/files/files";
import { findLayers } from "../../../src/models/onnx/layers";
import { findTaps, headWeight } from "../../../src/models/onnx/taps";
import { readOnnx } from "../../../src/models/onnx/wire";
import {
  intField,
  lengthField,
  modelProto,
  nodeProto,
  graphPatch,
  tensorProto,
  valueInfo,
} from "../../../src/models/onnx/write";
import { floatsToHalves, halfToFloat } from "../../../src/models/files/half";
import { randomTensors, tinyConfig, tinyFolder } from "./tiny";

/** Random damage: flipped, cut, doubled or overwritten bytes, most of it near the start where the structure is. */
function mutate(bytes: Uint8Array, seed: number): Uint8Array {
  const rng = createRng(seed);
  const out = bytes.slice();
  const near = rng.int(2) ? Math.min(out.length, 4096) : out.length;
  for (let n = 1 + rng.int(8); n > 0; n--)
    out[rng.int(near)] = rng.int(3) ? rng.int(256) : [0, 0x7f, 0x80, 0xff][rng.int(4)]!;
  const kind = rng.int(4);
  if (kind === 0) return out.subarray(0, rng.int(out.length));
  if (kind === 1) return concatBytes([out, out.subarray(rng.int(near), near)]);
  return out;
}

function fuzz(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): { passed: number; refused: number } {
  const counts = { passed: 0, refused: 0 };
  for (let seed = 0; seed < 2000; seed++) {
    try {
      read(mutate(bytes, seed));
      counts.passed++;
    } catch (error) {
      if (!(error instanceof ModelError))
        throw new Error(`mutant ${seed} broke the reader`, { cause: error });
      counts.refused++;
    }
  }
  return counts;
}

describe("safetensors", () => {
  const file = (header: unknown, data: Uint8Array = new Uint8Array(0)) => {
    const json = typeof header === "string" ? header : JSON.stringify(header);
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
    return concatBytes([length, new TextEncoder().encode(json), data]);
  };
  const one =
    (entry: object, bytes = 8) =>
    () =>
      readSafetensors(file({ a: entry }, new Uint8Array(bytes)));

  test("what is written reads back to the bit", () => {
    const tensors = randomTensors(tinyConfig, 3);
    tensors.set("edge", { shape: [2, 3], data: Float32Array.of(0, -0, 1e-45, 3.4028235e38, Infinity, -1) });
    tensors.set("scalar", { shape: [], data: Float32Array.of(7) });
    tensors.set("empty", { shape: [0, 4], data: new Float32Array(0) });
    const bytes = writeSafetensors(tensors, { format: "pt", note: "é" });
    expect(readSafetensors(bytes)).toEqual(tensors);
    const shifted = concatBytes([Uint8Array.of(0), bytes]).subarray(1); // a file need not start at an aligned byte
    expect(readSafetensors(shifted)).toEqual(tensors);
    expect(() => writeSafetensors(new Map([["a", { shape: [3], data: new Float32Array(2) }]]))).toThrow(
      "needs 3 values",
    );
  });

  test("F16: every one of its values", () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const entry = { dtype: "F16", shape: [65536], data_offsets: [0, 131072] };
    const { data } = readSafetensors(file({ a: entry }, new Uint8Array(halves.buffer))).get("a")!;
    const known: [number, number][] = [
      [0x0001, 2 ** -24],
      [0x83ff, -1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3c00, 1],
      [0x3555, 0.333251953125],
      [0x7bff, 65504],
      [0x7c00, Infinity],
      [0xfc00, -Infinity],
      [0x7e00, NaN],
      [0x8000, -0],
    ];
    expect(known.map(([bits]) => data[bits])).toEqual(known.map(([, value]) => value));
    expect(data.every((v, i) => Object.is(v, halfToFloat(i)))).toBe(true);
  });

  test("f32 to f16 rounds to the nearest, ties to even; every f16 survives", () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const values = Float32Array.from(halves, halfToFloat);
    const back = floatsToHalves(values);
    expect(back.every((bits, i) => bits === i || Number.isNaN(values[i]))).toBe(true);
    const finite = values.filter(Number.isFinite).toSorted();
    // Midway between neighbours: the one whose last bit is 0.
    for (let i = 1; i < finite.length; i += 97) {
      const [low, high] = [finite[i - 1]!, finite[i]!];
      const [bits] = floatsToHalves(Float32Array.of((low + high) / 2));
      expect([low, high].map((v) => floatsToHalves(Float32Array.of(v))[0])).toContain(bits);
      if (low !== high) expect(bits! & 1, `between ${low} and ${high}`).toBe(0);
    }
    const edges = [65519.996, 65520, -1e30, 2 ** -25, 2 ** -25 * 1.001, 1e-30, -0, NaN];
    expect([...floatsToHalves(Float32Array.from(edges))]).toEqual([
      0x7bff, 0x7c00, 0xfc00, 0, 1, 0, 0x8000, 0x7e00,
    ]);
  });

  test("BF16 is the upper half of an f32", () => {
    const bits = Uint16Array.of(0x3f80, 0xbf80, 0x0001, 0x7f80, 0x4049);
    const entry = { dtype: "BF16", shape: [5], data_offsets: [0, 10] };
    const { data } = readSafetensors(file({ a: entry }, new Uint8Array(bits.buffer))).get("a")!;
    expect([...data]).toEqual([1, -1, 2 ** -133, Infinity, 3.140625]);
  });

  test.each([
    ["too short", () => readSafetensors(new Uint8Array(7)), "truncated", "at least 8 bytes, got 7"],
    ["huge header", () => readSafetensors(new Uint8Array(16).fill(255)), "invalid", "not a safetensors file"],
    [
      "header past the end",
      () => readSafetensors(file("{}").subarray(0, 9)),
      "truncated",
      "header ends at byte 10",
    ],
    ["no JSON", () => readSafetensors(file("{nope")), "invalid", "header is not JSON"],
    ["an array", () => readSafetensors(file("[1]")), "invalid", "not a JSON object"],
    ["entry null", () => readSafetensors(file({ a: null })), "invalid", "a: its entry is not an object"],
    ["type", one({ dtype: "I64", shape: [1], data_offsets: [0, 8] }), "unsupported", 'a is stored as "I64"'],
    [
      "type of Object.prototype",
      one({ dtype: "toString", shape: [1], data_offsets: [0, 8] }),
      "unsupported",
      "toString",
    ],
    ["shape", one({ dtype: "F32", shape: [-1], data_offsets: [0, 8] }), "invalid", "list of sizes"],
    ["offsets", one({ dtype: "F32", shape: [2], data_offsets: [0] }), "invalid", "[start, end]"],
    [
      "length",
      one({ dtype: "F32", shape: [3], data_offsets: [0, 8] }),
      "invalid",
      "takes 12 bytes, but data_offsets span 8",
    ],
    [
      "past the end",
      one({ dtype: "F32", shape: [4], data_offsets: [0, 16] }),
      "truncated",
      "only 8 bytes are there",
    ],
    [
      "overlap",
      () => {
        const at = (start: number) => ({ dtype: "F32", shape: [1], data_offsets: [start, start + 4] });
        return readSafetensors(file({ a: at(0), b: at(2) }, new Uint8Array(8)));
      },
      "invalid",
      "a and b overlap",
    ],
  ] as const)("refuses: %s", (_, read, code, words) => {
    const error = caught(read);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  test("a file cut anywhere is refused", () => {
    const bytes = writeSafetensors(randomTensors(tinyConfig, 1));
    for (let n = 0; n < bytes.length; n += Math.max(1, Math.floor(bytes.length / 500))) {
      expect(caught(() => readSafetensors(bytes.subarray(0, n))).code).toBe("truncated");
    }
  });

  test("2,000 mutants read or are refused", () => {
    const counts = fuzz(
      readSafetensors,
      writeSafetensors(randomTensors({ ...tinyConfig, layers: 1, vocabSize: 20 }, 1)),
    );
    expect(counts.refused).toBeGreaterThan(500);
    expect(counts.passed).toBeGreaterThan(100); // damage to weights alone is not the reader's to see
  });
});

describe("onnx", () => {
  test("reads what we write", async () => {
    const graph = readOnnx((await tinyFolder()).get("onnx/model.onnx")!);
    expect(graph.inputs.map(({ name }) => name).slice(0, 4)).toEqual([
      "input_ids",
      "attention_mask",
      "position_ids",
      "past_key_values.0.key",
    ]);
    expect(graph.inputs[3]).toEqual({
      name: "past_key_values.0.key",
      elemType: 1,
      shape: ["batch_size", 2, "past_sequence_length", 6],
    });
    expect(graph.outputs[0]).toMatchObject({ name: "logits", shape: ["batch_size", "sequence_length", 272] });
    const mean = graph.nodes.find(({ op }) => op === "ReduceMean")!;
    expect(mean.ints.get("axes")).toEqual([-1]); // ten bytes of varint
    expect(graph.producerOf.get("logits")?.op).toBe("MatMul");
  });

  test("weights that old exporters list among the inputs are not inputs", () => {
    const graph = {
      nodes: [nodeProto({ op: "Add", name: "n", inputs: ["x", "w"], outputs: ["y"] })],
      initializers: [tensorProto("w", [1], 1, Float32Array.of(1))],
      inputs: [valueInfo("x", 1, [1]), valueInfo("w", 1, [1])],
      outputs: [valueInfo("y", 1, [1])],
    };
    expect(readOnnx(modelProto("g", graph)).inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  test("a patch adds outputs without touching a byte", async () => {
    const bytes = (await tinyFolder()).get("onnx/model.onnx")!;
    const before = readOnnx(bytes);
    const after = readOnnx(concatBytes([bytes, graphPatch(["x", "y"])]));
    expect(after.outputs.map(({ name }) => name)).toEqual([
      ...before.outputs.map(({ name }) => name),
      "x",
      "y",
    ]);
    expect(after.nodes).toEqual(before.nodes);
  });

  test("a file of 500 MB is read, tapped and patched without a copy", async () => {
    const small = (await tinyFolder({ ...tinyConfig, layers: 30 })).get("onnx/model.onnx")!;
    // A second graph message extends the first: here by one weight of 500 MB, of which no page is ever touched.
    const payload = 500 * 2 ** 20;
    const [tag, ...rest] = lengthField(
      7,
      lengthField(5, tensorProto("weights", [payload / 4], 1, new Float32Array(new ArrayBuffer(payload)))),
    );
    const head = concatBytes([small, tag!, ...rest.slice(0, -1)]);
    const file = allocate(head.length + payload);
    file.set(head);
    const graph = readOnnx(file);
    const taps = findTaps(graph);
    const layers = findLayers(graph, taps.embedding, 30).map(({ name }) => name);
    const patched = appended(file, graphPatch([taps.embedding, taps.hidden, ...layers]));
    expect(patched.buffer).toBe(file.buffer);
    expect(patched.length).toBeGreaterThan(file.length);
    expect(graph.initializers.get("weights")!.raw!.buffer).toBe(file.buffer);
    const small2 = small.slice(); // control: bytes that have no room behind them are copied
    expect(appended(small2, graphPatch(["x"])).buffer).not.toBe(small2.buffer);
  });

  test.each([
    ["nothing", new Uint8Array(0), "invalid", "no graph"],
    ["a wire type not in use", Uint8Array.of(0x0b), "invalid", "wire type 3"],
    [
      "an endless number",
      Uint8Array.of(0x08, ...Array<number>(12).fill(0x80)),
      "invalid",
      "longer than 64 bits",
    ],
    ["a cut number", Uint8Array.of(0x08, 0x80), "truncated", "inside a number"],
    ["a cut field", Uint8Array.of(0x3a, 0x05, 0x00), "truncated", "claims 5 bytes, but 1 are left"],
    ["a length near 2^63", Uint8Array.of(0x3a, ...Array<number>(8).fill(0xff), 0x7f), "truncated", "claims"],
    [
      "a negative length",
      Uint8Array.of(0x3a, ...Array<number>(9).fill(0xff), 0x01),
      "truncated",
      "claims -1 bytes",
    ],
  ])("refuses: %s", (_, bytes, code, words) => {
    const error = caught(() => readOnnx(bytes));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
  });

  test("2,000 mutants read, through to the taps, or are refused", async () => {
    const small = { ...tinyConfig, layers: 1, vocabSize: 20, eosId: 1 };
    const bytes = (await tinyFolder(small)).get("onnx/model.onnx")!;
    const counts = fuzz((mutant) => {
      const graph = readOnnx(mutant);
      headWeight(graph, findTaps(graph));
    }, bytes);
    expect(counts.refused).toBeGreaterThan(500);
    expect(counts.passed).toBeGreaterThan(100);
  });
});

describe("taps", () => {
  const [V, D] = [5, 3];
  const table = Float32Array.from({ length: V * D }, (_, i) => i);
  type Node = [op: string, inputs: string, output: string, attributes?: Record<string, number>];
  const graphOf = (...nodes: Node[]) =>
    readOnnx(
      modelProto("g", {
        nodes: nodes.map(([op, inputs, output, attributes = {}], i) =>
          nodeProto({ op, name: `n${i}`, inputs: inputs.split(" "), outputs: [output], attributes }),
        ),
        initializers: [
          tensorProto("E", [V, D], 1, table),
          tensorProto("W", [D, V], 1, table),
          tensorProto("s", [], 1, table.slice(0, 1)),
        ],
        inputs: [valueInfo("input_ids", 7, ["B", "T"])],
        outputs: [valueInfo("logits", 1, ["B", "T", V])],
      }),
    );
  const body: Node[] = [
    ["Gather", "E input_ids", "e"],
    ["Relu", "e", "r"],
    ["Add", "e r", "h"],
  ];

  test("plain", () => {
    const graph = graphOf(...body, ["MatMul", "h W", "logits"]);
    const taps = findTaps(graph);
    expect(taps).toMatchObject({ embedding: "e", hidden: "h" });
    expect(headWeight(graph, taps)?.shape).toEqual([V, D]);
    expect([...headWeight(graph, taps)!.data.slice(0, 4)]).toEqual([0, 5, 10, 1]); // Wᵀ
  });

  test("a Gemm head behind a Reshape, a tied head behind a Transpose, a scale on the embeddings", () => {
    const gemm = graphOf(
      ...body,
      ["Reshape", "h s", "flat"],
      ["Gemm", "flat E", "y", { transB: 1 }],
      ["Reshape", "y s", "logits"],
    );
    expect(findTaps(gemm).hidden).toBe("h");
    expect(headWeight(gemm, findTaps(gemm))!.data).toEqual(table);
    const tied = graphOf(
      ["Gather", "E input_ids", "t"],
      ["Mul", "t s", "e"],
      ["Relu", "e", "r"],
      ["Add", "e r", "h"],
      ["Transpose", "E", "ET"],
      ["MatMul", "h ET", "y"],
      ["Cast", "y", "logits"],
    );
    expect(findTaps(tied)).toMatchObject({ embedding: "e", hidden: "h" });
    expect(headWeight(tied, findTaps(tied))!.data).toEqual(table);
  });

  test.each([
    ["no head", graphOf(...body, ["Relu", "h", "logits"]), "stopped at Relu"],
    ["no logits", graphOf(...body), '"logits", which nothing computes'],
    ["no lookup", graphOf(["Relu", "input_ids", "h"], ["MatMul", "h W", "logits"]), "no embedding lookup"],
  ])("refuses: %s", (_, graph, words) => {
    const error = caught(() => findTaps(graph));
    expect(error.code).toBe("unsupported");
    expect(error.message).toContain(words);
  });

  test("numbers are written as protobuf wants them", () => {
    expect([...intField(1, 300)]).toEqual([0x08, 0xac, 0x02]);
    expect([...intField(1, -1)]).toEqual([0x08, ...Array<number>(9).fill(0xff), 0x01]);
    expect([...concatBytes(lengthField(2, "é"))]).toEqual([0x12, 2, 0xc3, 0xa9]);
  });
});

function caught(run: () => unknown): ModelError {
  try {
    run();
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error("expected a ModelError, but nothing was thrown");
}
