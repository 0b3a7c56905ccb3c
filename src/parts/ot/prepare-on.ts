// Recording a prepared solve. See prepare.ts.
import type { Gpu } from "../../gpu/device";
import { fixed, type InputData, type Program, ProgramBuilder, type Tensor } from "../../gpu/program";
import {
  capacityFor,
  packProblems,
  placeProblems,
  PROBLEM_WORDS,
  type ProblemSize,
  vectorLength,
} from "../../ot/problems";
import { recordTransport, type FeatureTensors } from "../../ot/record";
import { checkGradient, checkSettings, DEFAULT_SETTINGS, MAX_SIDE } from "../../ot/settings";
import { kernelsFor } from "../../ot/sinkhorn";
import { readStatus } from "../../ot/status";
import type { OtOptions } from "../../ot/types";
import type { GpuRange, Prepared, PreparedBuffer, PreparedPlace, PreparedShape } from "./prepare";

export async function prepareOn(gpu: Gpu, shape: PreparedShape, options: OtOptions): Promise<Prepared> {
  const settings = { ...DEFAULT_SETTINGS, ...options };
  const { gradient = "none" } = options;
  checkSettings(settings);
  if (gradient !== "none") checkGradient(settings, gradient);
  if (options.divergence || options.history)
    throw new RangeError("prepare: divergence and history are solve's; here nothing is read back");
  checkSizes(shape.sizes);
  const sizes = stacked(shape.sizes);
  const capacity = capacityFor(sizes);
  const places = placeProblems(sizes, capacity);
  const vectors = vectorLength(capacity);

  const b = new ProgramBuilder("prepared transport");
  const from = (name: string, range: GpuRange, length: number) => givenTensor(gpu, name, range, length);
  const cost = costTensor(
    b,
    shape,
    (range) => from("cost", range, capacity.costElements),
    capacity.costElements,
  );
  const { masses, warm, weights } = shape;
  const features = shape.features ? [featureTensors(shape.features, capacity, from)] : [];
  const recorded = recordTransport(b, {
    problems: b.input("problems", capacity.problems * PROBLEM_WORDS),
    ...{ cost, features, capacity, settings, gradient },
    ...(masses && { marginals: from("masses", masses, vectors) }),
    ...(warm && { warm: from("warm", warm, vectors) }),
    ...(gradient !== "none" && {
      weights: weights ? from("weights", weights, capacity.problems) : b.input("weights", capacity.problems),
    }),
    keepHistory: false,
    kernels: options.kernels ?? kernelsFor(gpu.adapter.software, capacity.maxRows, capacity.maxCols),
  });
  const { solved, dcost, featureGradients } = recorded;
  const [gradients] = featureGradients;
  const kept: Record<string, Tensor> = {
    ...{ cost, plan: solved.plan, potentials: solved.potentials, state: solved.state },
    ...(dcost && { dcost }),
    ...gradients,
  };
  for (const [name, tensor] of Object.entries(kept)) b.keep(name, tensor);
  const program = await b.build(gpu);
  const ones = gradient === "none" || weights ? {} : { weights: new Float32Array(capacity.problems).fill(1) };
  program.write({ problems: packProblems(sizes, capacity), ...ones } satisfies Record<string, InputData>);
  return preparedOf(gpu, program, { places, capacity, vectors, names: Object.keys(kept) });
}

interface Made {
  readonly places: ReturnType<typeof placeProblems>;
  readonly capacity: ReturnType<typeof capacityFor>;
  readonly vectors: number;
  readonly names: readonly string[];
}

function preparedOf(gpu: Gpu, program: Program, made: Made): Prepared {
  const { capacity } = made;
  let places = made.places.map(publicPlace);
  const bufferOf = (name: string): PreparedBuffer => {
    const { buffer, offset, bytes } = program.keptBuffer(name);
    return { buffer, offset, size: bytes };
  };
  const shown = made.names.filter((name) => name !== "state").map((name) => [name, bufferOf(name)] as const);
  return {
    get places() {
      return places;
    },
    lengths: { matrices: capacity.costElements, vectors: made.vectors },
    buffers: Object.fromEntries(shown) as Prepared["buffers"], // prepareOn keeps these names
    encode: (pass) => program.record(pass),
    resize(next) {
      checkSizes(next);
      const sizes = stacked(next);
      program.write({ problems: packProblems(sizes, capacity) });
      return (places = placeProblems(sizes, capacity).map(publicPlace));
    },
    async report() {
      const state = await readBack(gpu, bufferOf("state"));
      return places.map((_, k) => readStatus(state, k));
    },
    destroy: () => program.destroy(),
  };
}

const publicPlace = (p: Made["places"][number]): PreparedPlace => ({
  ...{ n: p.n, m: p.m, matrix: p.cost, pitch: p.pitch, f: p.f, g: p.g },
  ...{ xRow: p.xOffset, yRow: p.yOffset },
});

function checkSizes(sizes: PreparedShape["sizes"]): void {
  if (!Array.isArray(sizes) || sizes.length === 0)
    throw new RangeError("sizes: expected at least one problem");
  sizes.forEach(({ n, m }, k) => {
    for (const [name, size] of [["n", n] as const, ["m", m] as const])
      if (!Number.isInteger(size) || size < 1 || size > MAX_SIDE)
        throw new RangeError(`sizes: problem ${k}: ${name} must be 1 to ${MAX_SIDE}, got ${size}`);
  });
}

/** Feature rows of one problem after another's. */
function stacked(sizes: PreparedShape["sizes"]): ProblemSize[] {
  let [xOffset, yOffset] = [0, 0];
  return sizes.map(({ n, m }) => {
    const at = { xOffset, n, yOffset, m };
    [xOffset, yOffset] = [xOffset + n, yOffset + m];
    return at;
  });
}

/** @throws RangeError unless exactly one of cost and features is there. */
function costTensor(
  b: ProgramBuilder,
  { cost, features }: PreparedShape,
  given: (range: GpuRange) => Tensor,
  elements: number,
): Tensor {
  if ((cost === undefined) === (features === undefined))
    throw new RangeError("prepare: give either cost or features");
  return cost === undefined ? b.input("cost", elements) : given(cost);
}

function featureTensors(
  { kind, d, x, y, dx, dy }: NonNullable<PreparedShape["features"]>,
  { rows, cols, problems }: Made["capacity"],
  from: (name: string, range: GpuRange, length: number) => Tensor,
): FeatureTensors {
  if (!Number.isInteger(d) || d < 4 || d % 4 !== 0)
    throw new RangeError(`features: d must be a multiple of 4 (pad with zeros), got ${d}`);
  return {
    ...{ kind, d, D: d, range: { first: 0, count: problems } },
    x: from("features.x", x, rows * d),
    y: from("features.y", y, cols * d),
    ...(dx && { dx: from("features.dx", dx, rows * d) }),
    ...(dy && { dy: from("features.dy", dy, cols * d) }),
  };
}

/** @throws RangeError when a caller's buffer cannot be bound so. */
function givenTensor({ device }: Gpu, name: string, range: GpuRange, length: number): Tensor {
  const { buffer, offset = 0 } = "buffer" in range ? range : { buffer: range };
  const bytes = 4 * length;
  if (!(buffer.usage & GPUBufferUsage.STORAGE))
    throw new RangeError(`${name}: the buffer needs GPUBufferUsage.STORAGE`);
  if (offset % 256 !== 0)
    throw new RangeError(`${name}: the offset must be a multiple of 256, got ${offset}`);
  if (offset + bytes > buffer.size)
    throw new RangeError(`${name}: needs ${bytes} bytes from ${offset} on, the buffer has ${buffer.size}`);
  const { maxStorageBufferBindingSize: most } = device.limits;
  if (bytes > most) throw new RangeError(`${name}: needs ${bytes} bytes, the device binds at most ${most}`);
  return fixed(name, buffer, offset / 4, length);
}

async function readBack({ device }: Gpu, { buffer, offset, size }: PreparedBuffer): Promise<Float32Array> {
  const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const values = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return values;
}
