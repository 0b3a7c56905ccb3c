// The choice of the matrix product's form — plan
//   rule          subgroups where there are; otherwise shared tiles on hardware, registers on software
//   measured      the clearly fastest form wins; a narrow lead does not; the clock is asked once per adapter
//   kept          a second device of the same adapter takes the kept form without a measurement; nonsense is ignored
//   no storage    a memory that throws costs a measurement, not the run
//   software      keeps the rule and never asks the clock
//   real clock    every form that is possible here can be timed
import { expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/device";
import type { MatmulForm } from "../../src/student/ops/matmul-forms";
import {
  adapterKey,
  clearlyFastest,
  matmulChoice,
  matmulRule,
  measureMatmul,
  timeForm,
} from "../../src/student/ops/matmul-choice";
import { ownGpu, testGpu } from "../support/gpu";

const asHardware = (gpu: Gpu): Gpu => ({ ...gpu, adapter: { ...gpu.adapter, software: false } });
const withoutSubgroups = { features: new Set(), adapterInfo: {} } as unknown as GPUDevice;

const clock = (times: Record<MatmulForm, number>) => {
  const asked: MatmulForm[] = [];
  const time = async (_: Gpu, form: MatmulForm) => {
    asked.push(form);
    return times[form];
  };
  return { asked, time };
};

test("rule", async () => {
  const gpu = await testGpu();
  expect(matmulRule(gpu)).toEqual({ first: "subgroup", otherwise: "registers" });
  expect(matmulRule(asHardware(gpu))).toEqual({ first: "subgroup", otherwise: "shared" });
  const plain = { device: withoutSubgroups, adapter: gpu.adapter };
  expect(matmulRule(plain)).toEqual({ first: "registers", otherwise: "registers" });
  expect(matmulRule({ ...plain, adapter: { ...gpu.adapter, software: false } }).first).toBe("shared");
});

test("a form must be clearly faster than the rule's", () => {
  const times = (subgroup: number, shared: number) =>
    [
      ["subgroup", subgroup],
      ["shared", shared],
      ["registers", 9],
    ] as const;
  expect(clearlyFastest(times(1, 2), "subgroup")).toBe("subgroup");
  expect(clearlyFastest(times(1.2, 1), "subgroup")).toBe("subgroup");
  expect(clearlyFastest(times(2, 1), "subgroup")).toBe("shared");
});

test("measured once, then kept", async () => {
  const memory = new Map<string, string>();
  const first = asHardware(await ownGpu());
  const measuring = clock({ subgroup: 5, shared: 1, registers: 3 });
  expect(await measureMatmul(first, memory, measuring.time)).toEqual({
    first: "shared",
    otherwise: "shared",
  });
  expect(measuring.asked).toEqual(["subgroup", "shared", "registers"]);
  expect(memory.get(adapterKey(first.adapter))).toBe("shared");
  expect(matmulChoice(first).first).toBe("shared");
  first.destroy();

  const second = asHardware(await ownGpu());
  const again = clock({ subgroup: 1, shared: 5, registers: 5 });
  expect(await measureMatmul(second, memory, again.time)).toEqual({ first: "shared", otherwise: "shared" });
  expect(again.asked).toEqual([]);
  memory.set(adapterKey(second.adapter), "nonsense");
  expect((await measureMatmul(second, memory, again.time)).first).toBe("subgroup");
  expect(again.asked.length).toBe(3);
  second.destroy();
});

test("a memory that refuses", async () => {
  const gpu = asHardware(await ownGpu());
  const refuse = (): never => {
    throw new Error("no storage here");
  };
  const { time } = clock({ subgroup: 5, shared: 1, registers: 3 });
  expect((await measureMatmul(gpu, { get: refuse, set: refuse }, time)).first).toBe("shared");
  gpu.destroy();
});

test("software keeps the rule", async () => {
  const gpu = await testGpu();
  const { asked, time } = clock({ subgroup: 5, shared: 1, registers: 3 });
  expect(await measureMatmul(gpu, new Map(), time)).toEqual(matmulRule(gpu));
  expect(asked).toEqual([]);
});

test("the real clock", async () => {
  const gpu = asHardware(await ownGpu());
  const memory = new Map<string, string>();
  const work = { rows: 128, cols: 128, inner: 128, repeats: 2, rounds: 3 };
  await measureMatmul(gpu, memory, (on, form) => timeForm(on, form, work));
  expect([...memory.values()]).toEqual([matmulChoice(gpu).first]);
  gpu.destroy();
});
