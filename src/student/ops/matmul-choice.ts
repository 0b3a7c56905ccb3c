// Which form of the matrix product a device gets. Rules decide, unless a measurement on this very adapter was made
// and kept: numbers then differ in their last bits between forms, so the choice must not change from run to run.
import type { AdapterReport, Gpu } from "../../gpu/device";
import { ProgramBuilder } from "../../gpu/program";
import { subgroupLanes } from "../../gpu/subgroups";
import { matmulForm, type MatmulForm, matmulParams } from "./matmul-forms";

export interface MatmulChoice {
  readonly first: MatmulForm;
  /** For sizes that `first` cannot take. */
  readonly otherwise: MatmulForm;
}

/** What is kept between visits: a form by adapter. A page gives its cache, the command line a file, a test a Map. */
export interface ChoiceMemory {
  get(adapter: string): Promise<string | undefined> | string | undefined;
  set(adapter: string, form: string): unknown;
}

const chosen = new WeakMap<GPUDevice, MatmulChoice>();

/** The choice for a device: what `measureMatmul` found on it, else a rule. */
export const matmulChoice = (gpu: Gpu): MatmulChoice => chosen.get(gpu.device) ?? matmulRule(gpu);

/**
 * Without a measurement: subgroups where there are any. Otherwise tiles in workgroup memory on hardware, and
 * registers on a software rasterizer, whose workgroup memory is no faster than any other (docs/LOG.md).
 */
export function matmulRule(gpu: Pick<Gpu, "device" | "adapter">): MatmulChoice {
  const otherwise = gpu.adapter.software ? "registers" : "shared";
  return { first: subgroupLanes(gpu) > 0 ? "subgroup" : otherwise, otherwise };
}

/** The key of an adapter: what its driver says of it, and the version of the kernels compared. */
export const adapterKey = ({ vendor, architecture, device, description }: AdapterReport): string =>
  ["matmul 1", vendor, architecture, device, description].join("|");

const FORMS: readonly MatmulForm[] = ["subgroup", "shared", "registers"];
/** A form displaces the rule's only when this much faster: less is noise, and would change with the weather. */
const CLEARLY = 1.3;
/** 2 GFLOP a round: a few milliseconds on a GPU, well above the cost of a submit. */
const WORK = { rows: 512, cols: 512, inner: 256, repeats: 16, rounds: 5 };

/**
 * Choose for this device by the clock (some 20 ms on a GPU), or by what `memory` kept of an earlier measurement.
 * Software rasterizers keep the rule: it was measured there, and each kernel takes them half a second to compile.
 */
export async function measureMatmul(
  gpu: Gpu,
  memory: ChoiceMemory,
  time: (gpu: Gpu, form: MatmulForm) => Promise<number> = timeForm,
): Promise<MatmulChoice> {
  const rule = matmulRule(gpu);
  if (gpu.adapter.software) return rule;
  const key = adapterKey(gpu.adapter);
  const possible = FORMS.filter((form) => form !== "subgroup" || subgroupLanes(gpu) > 0);
  const remembered = await ask(() => memory.get(key));
  let first = possible.find((form) => form === remembered);
  if (!first) {
    const times: [MatmulForm, number][] = [];
    for (const form of possible) times.push([form, await time(gpu, form)]);
    first = clearlyFastest(times, rule.first);
    const found = first;
    await ask(() => memory.set(key, found));
  }
  const choice = { first, otherwise: first === "subgroup" ? rule.otherwise : first };
  chosen.set(gpu.device, choice);
  return choice;
}

/** A memory that refuses (a browser without storage) costs a measurement, not the run. */
async function ask<T>(question: () => T): Promise<Awaited<T> | undefined> {
  try {
    return await question();
  } catch {
    return undefined;
  }
}

export function clearlyFastest(
  times: readonly (readonly [MatmulForm, number])[],
  rule: MatmulForm,
): MatmulForm {
  const [fastest, best] = times.reduce((a, b) => (b[1] < a[1] ? b : a));
  const ruled = times.find(([form]) => form === rule)?.[1] ?? Infinity;
  return best * CLEARLY < ruled ? fastest : rule;
}

/** Milliseconds of one product, the best of a few rounds. */
export async function timeForm(gpu: Gpu, form: MatmulForm, work = WORK): Promise<number> {
  const { rows, cols, inner, repeats, rounds } = work;
  const dims = { layout: "nt", rows, cols, inner } as const;
  const made = matmulForm(form, dims, subgroupLanes(gpu));
  if (!made) return Infinity;
  const builder = new ProgramBuilder(`time ${form}`);
  const [a, b] = [builder.input("a", rows * inner), builder.input("b", cols * inner)];
  const [params, out] = [matmulParams(dims), builder.scratch("out", rows * cols)];
  for (let i = 0; i < repeats; i++) builder.dispatch(made.spec, { params, a, b, addend: a, out }, made.grid);
  const program = await builder.build(gpu);
  let best = Infinity;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    await program.run();
    await gpu.device.queue.onSubmittedWorkDone();
    if (round > 0) best = Math.min(best, (performance.now() - start) / repeats); // the first round compiles
  }
  program.destroy();
  return best;
}
