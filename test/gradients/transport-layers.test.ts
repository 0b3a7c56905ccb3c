// Transport over several layers — plan
//   against PyTorch float64   fixed and learned layer weights × uniform and attention marginals, a width that is no
//                             multiple of four: terms, gauges, and the gradients of states, projector and θ
//                             (fixture: reference/objectives/make_transport_goldens.py)
//   control                   with equal θ learned weights give the fixed terms, and with the fixture's they do not
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_RUN } from "../../src/config/presets";
import { STABLE_TRANSPORT } from "../../src/config/run";
import { parseRunConfig, type TransportConfig } from "../../src/config/run";
import type { PairBatch, SideBatch } from "../../src/data";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import {
  type Matrix,
  recordTensors,
  recordTransportTerm,
  type StepShape,
  tensorLeaves,
} from "../../src/objectives";
import { createParamStore, type NewParameter, Tape } from "../../src/student";
import type { TermGauge } from "../../src/telemetry";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";

interface Case {
  layerWeights: TransportConfig["layerWeights"];
  marginals: TransportConfig["marginals"];
  terms: Record<string, number>;
  gauges: Record<string, TermGauge>;
  gradients: Record<string, number[]>;
}
interface Fixture {
  sizes: [number, number][];
  widths: { student: number; teacher: number };
  pairs: { student: string | number; teacher: string | number; weight: number }[];
  settings: { kdRate: number; epsilon: number; maxIterations: number };
  student: Record<string, number[]>;
  teacher: Record<string, number[]>;
  projector: { weight: number[]; bias: number[] };
  theta: number[];
  cases: Case[];
}

const path = new URL("../fixtures/objectives/transport.json", import.meta.url);
const golden = JSON.parse(readFileSync(path, "utf8")) as Fixture;
const { widths, sizes, settings } = golden;
const FIELD: Record<string, string> = { embedding: "emb", hidden: "hid" };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

function side(which: 0 | 1): SideBatch {
  const counts = sizes.map((size) => size[which]);
  const rowOffsets = Uint32Array.from([
    0,
    ...counts.map((_, b) => counts.slice(0, b + 1).reduce((a, c) => a + c)),
  ]);
  const total = rowOffsets.at(-1)!;
  const none = { ids: new Int32Array(total), mask: new Uint8Array(), lengths: new Int32Array() };
  const rows = Uint32Array.from({ length: total }, (_, i) => i);
  return { ...none, B: sizes.length, T: 8, rows, labels: new Int32Array(total), rowOffsets };
}
const batch: PairBatch = { student: side(0), teacher: side(1), rowIndices: [] };
const shape: StepShape = {
  ...{ batch: sizes.length + 1, studentLength: 8, teacherLength: 8, studentRows: 16, teacherRows: 20 },
  ...{ studentWidth: widths.student, teacherWidth: widths.teacher, studentVocab: 1, teacherVocab: 1 },
};

async function run(
  { layerWeights, marginals }: Pick<Case, "layerWeights" | "marginals">,
  theta = golden.theta,
) {
  const transport = {
    ...STABLE_TRANSPORT,
    ...{
      epsilon: settings.epsilon,
      maxIterations: settings.maxIterations,
      tolerance: 0,
      layerWeights,
      marginals,
    },
    ...{ embedding: 0.5, hidden: 1.5, layers: [{ student: 1, teacher: 2, weight: 0.8 }] },
  };
  const { method } = parseRunConfig({ ...DEFAULT_RUN, method: { ...DEFAULT_RUN.method, transport } });
  if (method.id !== "cot2align") throw new Error("just set");
  const matrix = (values: readonly number[], cols: number): Matrix => ({
    ...{ rows: values.length / cols, cols, data: Float32Array.from(values) },
  });
  const fields = new Map([
    ...Object.entries(golden.student).map(([key, values]) => {
      return [`s_${FIELD[key] ?? `layer_${key}`}`, matrix(values, widths.student)] as const;
    }),
    ...Object.entries(golden.teacher).map(([key, values]) => {
      return [`t_${FIELD[key] ?? `layer_${key}`}`, matrix(values, widths.teacher)] as const;
    }),
  ]);
  const parameter = (name: string, shapeOf: number[], data: readonly number[]): NewParameter => {
    return {
      name: `projector.${name}`,
      shape: shapeOf,
      data: Float32Array.from(data),
      group: "projector",
      decay: true,
    };
  };
  const store = createParamStore(gpu, [
    ...tensorLeaves(fields),
    parameter("ot.weight", [widths.student, widths.teacher], golden.projector.weight),
    parameter("ot.bias", [widths.student], golden.projector.bias),
    ...(layerWeights === "learned" ? [parameter("layer_weights", [3], theta)] : []),
  ]);
  const b = new ProgramBuilder("transport layers");
  const tape = new Tape(b);
  const made = recordTensors(tape, store, fields, batch, shape, 9);
  const recorded = recordTransportTerm(made.recording, method, settings.kdRate);
  tape.backward();
  const program = await b.build(gpu);
  const outputs = await program.run(
    { ...made.inputs(), ...recorded.inputs(batch) },
    { read: recorded.outputs },
  );
  const gradients = await store.readGradients();
  program.destroy();
  store.destroy();
  return { ...recorded.terms(outputs, batch), gradients };
}

describe("transport over layers against PyTorch float64", () => {
  test.each(golden.cases)("$layerWeights weights, $marginals marginals", async (want) => {
    const got = await run(want);
    expect(Object.keys(got.terms).sort()).toEqual(Object.keys(want.terms).sort());
    for (const [name, term] of Object.entries(want.terms)) {
      expect(Math.abs(got.terms[name]! - term) / term, name).toBeLessThan(1e-5);
      const { entropy, productEntropy, maxDeviation } = got.gauges![name]!;
      const gauge = want.gauges[name]!;
      expect(entropy, name).toBeCloseTo(gauge.entropy, 4);
      expect(productEntropy, name).toBeCloseTo(gauge.productEntropy, 4);
      expect(Math.abs(maxDeviation - gauge.maxDeviation) / gauge.maxDeviation, name).toBeLessThan(1e-4);
    }
    for (const [key, gradient] of Object.entries(want.gradients)) {
      const name = /^(ot|layer)/.test(key) ? `projector.${key}` : `s_${FIELD[key] ?? `layer_${key}`}`;
      expect(relativeL2(got.gradients.get(name)!.data, gradient), name).toBeLessThan(1e-4);
    }
  });

  test("equal θ is no weighting; the fixture's is one", async () => {
    const fixed = await run({ layerWeights: "fixed", marginals: "uniform" });
    const equal = await run({ layerWeights: "learned", marginals: "uniform" }, [0.7, 0.7, 0.7]);
    const learned = await run({ layerWeights: "learned", marginals: "uniform" });
    for (const name of Object.keys(fixed.terms)) {
      expect(equal.terms[name]).toBeCloseTo(fixed.terms[name]!, 6);
      expect(Math.abs(learned.terms[name]! / fixed.terms[name]! - 1)).toBeGreaterThan(0.05);
    }
  });
});
