// An op on the tape against its oracle: the value, and the gradient by finite differences of the oracle.
import { f32, packParams } from "../../src/gpu/params";
import { type InputData, ProgramBuilder, type Tensor } from "../../src/gpu/program";
import { inRanges, rowRanges } from "../../src/gpu/tensor";
import { Tape, type Var } from "../../src/student";
import { recordAdd } from "../../src/student/ops/add";
import { finiteDifferences, normals, type Values } from "../oracle/nn";
import { expectClose } from "./close";
import { testGpu } from "./gpu";

export interface OpCase {
  /** Each input that is differentiated by, with its shape; with `ranges` it lies in ranges of so many rows. */
  leaves: Record<string, { data: Float32Array; shape: number[]; ranges?: readonly number[] | undefined }>;
  tables?: Record<string, InputData>;
  record(tape: Tape, leaves: Record<string, Var>, table: (name: string) => Tensor): Var;
  oracle(leaves: Record<string, Values>): number[];
}

export interface LossCase extends Pick<OpCase, "leaves" | "tables"> {
  /** A tensor that holds the loss: its first element, or what `value` makes of it. */
  record(
    tape: Tape,
    leaves: Record<string, Var>,
    table: (name: string) => Tensor,
    scale: ArrayBuffer,
  ): Tensor;
  value?(y: Float32Array): number;
  oracle(leaves: Record<string, Values>): number;
}

const LOSS_SCALE = -0.5;

/** The op is used twice, so that its adjoint also adds. Gradients start as NaN. */
export async function checkOp(op: OpCase, tol = { rtol: 2e-6, atol: 2e-6 }): Promise<void> {
  let dy: Tensor | undefined;
  let values: Values = [];
  await check(
    op,
    (tape, leaves, table) => {
      const y = op.record(tape, leaves, table);
      values = normals(9, y.value.length);
      const seed = (dy ??= tape.b.input("dy", y.value.length));
      tape.push(() => recordAdd(tape.b, { a: seed, out: tape.gradTarget(y).tensor, accumulate: false }));
      return y.value;
    },
    op.oracle,
    () => values,
    (y) => [...y],
    tol,
  );
}

export async function checkLoss(loss: LossCase, tol = { rtol: 3e-6, atol: 3e-7 }): Promise<void> {
  const scale = packParams(f32(LOSS_SCALE));
  await check(
    loss,
    (tape, leaves, table) => loss.record(tape, leaves, table, scale),
    (leaves) => [loss.oracle(leaves)],
    () => [LOSS_SCALE],
    (y) => [loss.value?.(y) ?? y[0]!],
    tol,
  );
}

async function check(
  { leaves: given, tables: data = {} }: Pick<OpCase, "leaves" | "tables">,
  record: (tape: Tape, leaves: Record<string, Var>, table: (name: string) => Tensor) => Tensor,
  oracle: (leaves: Record<string, Values>) => number[],
  seed: () => Values,
  read: (y: Float32Array) => number[],
  tol: { rtol: number; atol: number },
): Promise<void> {
  const gpu = await testGpu();
  const b = new ProgramBuilder("op");
  const tape = new Tape(b);
  const inputs: Record<string, InputData> = { ...data };
  const tables = new Map(Object.entries(data).map(([name, values]) => [name, b.input(name, values.length)]));
  const leaves: Record<string, Var> = {};
  const gradients = new Map<string, string[]>();
  for (const [name, leaf] of Object.entries(given)) {
    const width = leaf.data.length / leaf.shape[0]!;
    const parts: string[] = [];
    const split = (label: string, values: Float32Array): Tensor => {
      let at = 0;
      const ranges = (leaf.ranges ?? [leaf.shape[0]!]).map((rows, i) => {
        const part = `${label} ${i}`;
        inputs[part] = values.subarray(at, (at += rows * width));
        parts.push(part);
        return b.input(part, rows * width);
      });
      return inRanges(label, ranges);
    };
    const value = split(name, leaf.data);
    parts.length = 0; // the gradient's follow
    const grad = split(`d${name}`, new Float32Array(leaf.data.length).fill(NaN));
    leaves[name] = tape.leaf(value, grad, leaf.shape);
    rowRanges(grad, width).forEach(({ tensor }) => b.output(tensor.label, tensor));
    gradients.set(name, [...parts]);
  }
  const [y] = [0, 1].map(() => record(tape, leaves, (name) => tables.get(name)!));
  tape.backward();
  b.output("y", y!);
  const program = await b.build(gpu);
  const names = Object.keys(given);
  const dy = seed();
  if (dy.length > 1) inputs.dy = Float32Array.from(dy);
  const outputs = ["y", ...[...gradients.values()].flat()];
  const got: Record<string, Float32Array> = await program.run(inputs, { read: outputs });
  program.destroy();
  const at = Object.fromEntries(names.map((name): [string, Values] => [name, given[name]!.data]));
  const want = oracle(at);
  expectClose(read(got.y!), want, tol, "value");
  for (const name of names) {
    const f = (x: Values) => oracle({ ...at, [name]: x });
    const gradient = finiteDifferences(f, given[name]!.data, dy, 1e-6).map((g) => 2 * g);
    const largest = Math.max(...gradient.map(Math.abs), 1e-5);
    const whole = gradients.get(name)!.flatMap((part) => [...got[part]!]);
    expectClose(whole, gradient, { rtol: 0, atol: 2e-5 * largest }, `d${name}`);
  }
}
