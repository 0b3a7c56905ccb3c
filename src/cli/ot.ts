// couplet ot FILE.json [--out OUT.json] [--device gpu|cpu] — solve transport problems without a page.
// Exit code 2 and one line on stderr when the file, a problem or a setting is wrong.
import { readFile, writeFile } from "node:fs/promises";
import { adapterName } from "../gpu/device";
import { OtInputError, type OtResult, solve, solveOnCpu } from "../parts/ot";
import { openNodeGpu } from "./node-gpu";
import { readOtJob, type OtJob } from "./ot-file";
import { type Arguments, BadUsage } from "./usage";

export async function otCommand({ positional, options }: Arguments): Promise<number> {
  const [path = ""] = positional;
  const device = options.get("device") ?? "gpu";
  if (device !== "gpu" && device !== "cpu") throw new BadUsage(`--device is gpu or cpu, got ${device}.`);
  try {
    const job = readOtJob(await readText(path));
    const { adapter, results } = await (device === "cpu" ? onCpu(job) : onGpu(job));
    const text = JSON.stringify({ adapter, results: results.map(toJson) });
    const out = options.get("out");
    if (out === undefined) console.log(text);
    else await writeFile(out, text);
    return 0;
  } catch (error) {
    if (!(error instanceof OtInputError || error instanceof RangeError)) throw error;
    console.error(error.message);
    return 2;
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new OtInputError(undefined, path, `cannot be read: ${String(error)}`);
  }
}

interface Solved {
  readonly adapter: string;
  readonly results: readonly OtResult[];
}

const onCpu = ({ problems, options }: OtJob): Solved => ({
  adapter: "cpu",
  results: solveOnCpu(problems, options),
});

async function onGpu({ problems, options }: OtJob): Promise<Solved> {
  const gpu = await openNodeGpu();
  try {
    const results = await solve(problems, options, { device: gpu.device });
    return { adapter: adapterName(gpu.adapter), results };
  } finally {
    gpu.destroy();
  }
}

function toJson(r: OtResult): Record<string, unknown> {
  const rows = (flat: Float64Array, count: number): number[][] => {
    const width = flat.length / count;
    return Array.from({ length: count }, (_, i) => [...flat.subarray(i * width, (i + 1) * width)]);
  };
  return {
    plan: rows(r.plan, r.n),
    ...{ cost: r.cost, value: r.value, f: [...r.f], g: [...r.g], mass: r.mass, entropy: r.entropy },
    ...{ iterations: r.iterations, marginalError: r.marginalError, converged: r.converged },
    ...{ gap: r.gap, epsilon: r.epsilon },
    ...(r.gradientSolved === undefined
      ? {}
      : { gradientResidual: r.gradientResidual, gradientSolved: r.gradientSolved }),
    ...(r.dx ? { dx: rows(r.dx, r.n) } : {}),
    ...(r.dy ? { dy: rows(r.dy, r.m) } : {}),
    ...(r.dcost ? { dcost: rows(r.dcost, r.n) } : {}),
    ...(r.divergence === undefined ? {} : { divergence: r.divergence }),
  };
}
