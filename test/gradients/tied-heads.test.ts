// DSKD and DSKD-CMA with a tied student — plan
//   against PyTorch float64   head and embedding table are one trained matrix W, detached wherever METHODS writes sg:
//                             terms, and the gradients of W and of the hidden states
//                             (fixture: reference/objectives/make_tied_goldens.py)
//   control                   the same method without its stop-gradients gives W another gradient
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { prepareCase } from "../../src/cli/objective-case";
import { readCase } from "../../src/cli/objective-file";
import type { Gpu } from "../../src/gpu/device";
import { ProgramBuilder } from "../../src/gpu/program";
import { distillationOf, once, recordTensors, tensorLeaves } from "../../src/objectives";
import { createParamStore, linear, Tape } from "../../src/student";
import { relativeL2 } from "../support/close";
import { testGpu } from "../support/gpu";

interface Tied {
  case: { objective: { method: "dskd" | "cma"; divergence: "skewed_reverse_kl"; temperature: number } };
  terms: Record<string, number>;
  W: number[];
  s_hid: number[];
}
const path = new URL("../fixtures/objectives/tied.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: Tied[] };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

/** A tape whose stop-gradients do nothing. */
class LeakingTape extends Tape {
  override detached(v: Parameters<Tape["detached"]>[0]) {
    return v;
  }
}

async function run({ case: given }: Tied, makeTape: (b: ProgramBuilder) => Tape) {
  const parsed = readCase(JSON.stringify(given));
  const { batch, shape, projectors } = prepareCase(parsed);
  const head = parsed.tensors.get("Ws")!;
  const W = { name: "W", shape: head.shape, data: head.data, group: "student" as const, decay: true };
  const store = createParamStore(gpu, [...tensorLeaves(parsed.tensors), W, ...projectors]);
  const b = new ProgramBuilder("tied");
  const tape = makeTape(b);
  const made = recordTensors(tape, store, parsed.tensors, batch, { ...shape, studentVocab: head.rows });
  const { student } = made.recording;
  const tied = () => store.leaf(tape, "W");
  const logits = once(() => linear(tape, student.hidden(), tied()));
  const recording = { ...made.recording, student: { ...student, head: tied, tokenEmbedding: tied, logits } };
  const { method, ...settings } = given.objective;
  const config = { id: method, ...settings, skew: 0.1, adaptiveAlpha: 0.5, teacherTemperature: 1 };
  const recorded = distillationOf(config).recordTerm(config, recording, 1);
  tape.backward();
  const program = await b.build(gpu);
  const counted = { ...batch, denominator: 1 };
  const data = { ...made.inputs(), ...recorded.inputs(counted) };
  const outputs = await program.run(data, { read: recorded.outputs });
  const gradients = await store.readGradients();
  program.destroy();
  store.destroy();
  return { ...recorded.terms(outputs, counted), gradients };
}

describe.each(cases)("$case.objective.method with one matrix for head and embeddings", (tied) => {
  test("no gradient reaches it but through the student's own logits", async () => {
    const { terms, gradients } = await run(tied, (b) => new Tape(b));
    for (const [name, want] of Object.entries(tied.terms))
      expect(Math.abs(terms[name]! - want) / Math.abs(want || 1), name).toBeLessThan(1e-5);
    expect(relativeL2(gradients.get("W")!.data, tied.W)).toBeLessThan(1e-4);
    expect(relativeL2(gradients.get("s_hid")!.data, tied.s_hid)).toBeLessThan(1e-4);
  });

  test("without the stop-gradients it would be another one", async () => {
    const { gradients } = await run(tied, (b) => new LeakingTape(b));
    expect(relativeL2(gradients.get("W")!.data, tied.W)).toBeGreaterThan(0.1);
  });
});
