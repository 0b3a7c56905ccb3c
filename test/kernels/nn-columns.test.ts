// copy_columns, joinColumns — plan
//   values      two and three parts of odd widths, and padding to a width: every element, padding exactly 0
//   adjoint     each part gets its own columns; a part that is used twice gets the sum
//   refusals    unequal rows, a width that is too small
import { describe, expect, test } from "vitest";
import { ProgramBuilder } from "../../src/gpu/program";
import { createParamStore, type NewParameter, Tape } from "../../src/student";
import { recordAdd } from "../../src/student/ops/add";
import { joinColumns } from "../../src/student/ops/columns";
import { linear } from "../../src/student/ops/linear";
import { testGpu } from "../support/gpu";

const matrix = (name: string, rows: number, cols: number, seed: number): NewParameter => ({
  name,
  shape: [rows, cols],
  data: Float32Array.from({ length: rows * cols }, (_, i) => ((i * 7 + seed) % 11) - 5),
  group: "student",
  decay: true,
});

/** y = join(parts), loss = Σ y·w: gradients are the columns of w. Here w comes in through a linear of one row. */
async function run(parts: NewParameter[], order: number[], cols?: number) {
  const gpu = await testGpu();
  const rows = parts[0]!.shape[0]!;
  const total = cols ?? order.reduce((sum, i) => sum + parts[i]!.shape[1]!, 0);
  const store = createParamStore(gpu, parts);
  const b = new ProgramBuilder("columns");
  const tape = new Tape(b);
  const leaves = parts.map(({ name }) => store.leaf(tape, name));
  const y = joinColumns(
    tape,
    order.map((i) => leaves[i]!),
    cols,
  );
  const weights = Float32Array.from({ length: total }, (_, c) => c + 1);
  const out = linear(tape, y, tape.constant(b.input("w", total), [1, total]));
  tape.push(() => {
    const { tensor } = tape.gradTarget(out);
    recordAdd(b, { a: b.input("ones", rows), out: tensor, accumulate: false }); // dL/d(y·w) = 1
  });
  tape.backward();
  b.output("y", y.value);
  const program = await b.build(gpu);
  const data = { w: weights, ones: new Float32Array(rows).fill(1) };
  const { y: values } = await program.run(data, { read: ["y"] });
  const gradients = await store.readGradients();
  program.destroy();
  store.destroy();
  return { values, gradients, rows, total };
}

describe("joinColumns", () => {
  test("values and gradients, padded and not, a part used twice", async () => {
    const parts = [matrix("a", 5, 3, 1), matrix("b", 5, 7, 2), matrix("c", 5, 1, 3)];
    for (const [order, cols] of [
      [[0, 1, 2], undefined],
      [[2, 0], 8],
      [[0, 0, 1], 16],
    ] as const) {
      const { values, gradients, rows, total } = await run(parts, [...order], cols);
      const want = new Float32Array(rows * total);
      const gradient = new Map(parts.map((p) => [p.name, new Float32Array(p.data!.length)]));
      for (let r = 0; r < rows; r++) {
        let at = 0;
        for (const i of order) {
          const { data, shape, name } = parts[i]!;
          const width = shape[1]!;
          for (let c = 0; c < width; c++) {
            want[r * total + at + c] = data![r * width + c]!;
            gradient.get(name)![r * width + c] = gradient.get(name)![r * width + c]! + at + c + 1;
          }
          at += width;
        }
      }
      expect(values).toEqual(want);
      for (const { name } of parts)
        expect([...gradients.get(name)!.data], name).toEqual([...gradient.get(name)!]);
    }
  });

  test("refusals", async () => {
    const tape = new Tape(new ProgramBuilder("refused"));
    const x = (rows: number, cols: number) => tape.constant(tape.b.scratch("x", rows * cols), [rows, cols]);
    expect(() => joinColumns(tape, [x(2, 3), x(3, 3)])).toThrow(/3 rows cannot stand beside 2/);
    expect(() => joinColumns(tape, [x(2, 3)], 2)).toThrow(/3 columns do not fit into 2/);
  });
});
