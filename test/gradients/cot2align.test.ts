// CoT2Align — plan
//   against PyTorch float64   × cost {cosine, euclidean, sqeuclidean, attention} × gradient {unrolled, envelope}:
//                             every weighted term and the gradient of every leaf, on ragged samples of a padded bucket
//                             (fixture: reference/objectives/make_cot2align_goldens.py)
//   terms                     a layer of weight 0 is not recorded; that they are what is differentiated: loss-gradient.test.ts
//   projector                 the bias moves nothing under the attention cost (softmax ignores shifts), and does under cosine
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { parseRunConfig, type MethodConfig } from "../../src/config/run";
import { DEFAULT_RUN } from "../../src/config/presets";
import type { PairBatch, SideBatch } from "../../src/data";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder, type Tensor } from "../../src/gpu/program";
import { type Matrix, objectiveOf, recordTensors, type StepShape, tensorLeaves } from "../../src/objectives";
import { createParamStore, crossEntropy, linear, type NewParameter, Tape } from "../../src/student";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";

interface Fixture {
  sizes: [number, number][];
  widths: { student: number; teacher: number; vocab: number };
  labels: number[];
  tensors: Record<"embedding" | "hidden" | "head", number[]>;
  teacher: Record<"embedding" | "hidden", number[]>;
  projector: { weight: number[]; bias: number[] };
  cases: { settings: MethodConfig; terms: Record<string, number>; gradients: Record<string, number[]> }[];
}

const path = new URL("../fixtures/objectives/cot2align.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Fixture;
const { widths, sizes } = golden;
const count = (side: 0 | 1) => sizes.reduce((sum, size) => sum + size[side], 0);

/** Capacities above what the batch needs, so that padding is exercised. */
const shape: StepShape = {
  batch: sizes.length + 1,
  studentLength: 16,
  teacherLength: 16,
  studentRows: 40,
  teacherRows: 36,
  studentWidth: widths.student,
  teacherWidth: widths.teacher,
  studentVocab: widths.vocab,
  teacherVocab: 1,
};

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

function side(which: 0 | 1, labels: readonly number[] = []): SideBatch {
  const rowOffsets = Uint32Array.from([
    0,
    ...sizes.map((_, b) => sizes.slice(0, b + 1).reduce((s, z) => s + z[which], 0)),
  ]);
  const rows = Uint32Array.from({ length: count(which) }, (_, i) => i);
  const none = { ids: new Int32Array(), mask: new Uint8Array(), lengths: new Int32Array() };
  return { ...none, B: sizes.length, T: 16, rows, labels: Int32Array.from(labels), rowOffsets };
}

const batch: PairBatch = { student: side(0, golden.labels), teacher: side(1), rowIndices: [] };

async function run(settings: MethodConfig) {
  const method = parseRunConfig({ ...DEFAULT_RUN, method: settings }).method;
  const objective = objectiveOf(method);
  const matrix = (values: readonly number[], cols: number): Matrix => ({
    rows: values.length / cols,
    cols,
    data: Float32Array.from(values),
  });
  const fields = new Map([
    ["s_emb", matrix(golden.tensors.embedding, widths.student)],
    ["s_hid", matrix(golden.tensors.hidden, widths.student)],
    ["t_emb", matrix(golden.teacher.embedding, widths.teacher)],
    ["t_hid", matrix(golden.teacher.hidden, widths.teacher)],
  ]);
  const head: NewParameter = {
    name: "head",
    shape: [widths.vocab, widths.student],
    data: Float32Array.from(golden.tensors.head),
    group: "student",
    decay: true,
  };
  const projector = objective.parameters(method, shape, 1).map((p) => ({
    ...p,
    data: Float32Array.from(golden.projector[p.name.endsWith("bias") ? "bias" : "weight"]),
  }));
  const store = createParamStore(gpu, [...tensorLeaves(fields), head, ...projector]);

  const b = new ProgramBuilder("cot2align golden");
  const tape = new Tape(b);
  const made = recordTensors(tape, store, fields, batch, shape, 9); // padding rows are loud: nothing may read them
  const { student } = made.recording;
  const logits = () => linear(tape, student.hidden(), store.leaf(tape, "head"));
  const ofHead = {
    logits,
    crossEntropy: (scale: Tensor) => crossEntropy(tape, logits(), student.labels(), scale),
  };
  const recording = { ...made.recording, student: { ...student, ...ofHead } };
  const recorded = objective.record(method, recording);
  tape.backward();
  const program = await b.build(gpu);
  const inputs = { ...made.inputs(), ...recorded.inputs(batch) };
  const outputs = await program.run(inputs, { read: recorded.outputs });
  const gradients = await store.readGradients();
  program.destroy();
  store.destroy();
  return { ...recorded.terms(outputs, batch), gradients };
}

const FIELD_OF: Record<string, string> = { embedding: "s_emb", hidden: "s_hid" };

describe("CoT2Align against PyTorch float64", () => {
  for (const { settings, terms, gradients } of golden.cases) {
    const { cost, gradient } = (settings as Extract<MethodConfig, { id: "cot2align" }>).transport;
    test(`${cost}, ${gradient}`, async () => {
      const got = await run(settings);
      expect(Object.keys(got.terms).sort()).toEqual(Object.keys(terms).sort());
      for (const [name, want] of Object.entries(terms))
        expect(Math.abs(got.terms[name]! - want) / Math.abs(want), name).toBeLessThan(1e-5);
      for (const [name, want] of Object.entries(gradients)) {
        const values = got.gradients.get(FIELD_OF[name] ?? name)!.data;
        const norm = Math.hypot(...want);
        // f32: 1e-4 of the leaf; the attention cost loses digits to 1 − softmax (METHODS asks 1e-3 there).
        const most = cost === "attention" ? 1e-3 : 1e-4;
        if (norm > 1e-9) expect(relativeL2(values, want), `d ${name}`).toBeLessThan(most);
        else expect(Math.max(...values.map(Math.abs)), `d ${name} is zero`).toBeLessThan(1e-6);
      }
    });
  }

  test("the projector's bias matters under cosine and not under attention", async () => {
    const norm = async (cost: string) => {
      const { settings } = golden.cases.find(
        (c) => (c.settings as { transport: { cost: string } }).transport.cost === cost,
      )!;
      return Math.hypot(...(await run(settings)).gradients.get("projector.ot.bias")!.data);
    };
    expect(await norm("attention")).toBeLessThan(1e-6); // rounding alone
    expect(await norm("cosine")).toBeGreaterThan(1e-4);
  });

  test("a layer of weight 0 is not recorded, and the others keep their value", async () => {
    const first = golden.cases[0]!;
    const settings = structuredClone(first.settings) as Extract<MethodConfig, { id: "cot2align" }>;
    const got = await run({ ...settings, transport: { ...settings.transport, embedding: 0 } });
    expect(Object.keys(got.terms).sort()).toEqual(["ce", "ot_hidden"]);
    expect(got.terms.ot_hidden).toBeCloseTo(first.terms.ot_hidden!, 6);
    expect(Math.max(...got.gradients.get("s_emb")!.data.map(Math.abs))).toBe(0);
  });
});
