// Optimal transport between student and projected teacher states, METHODS §7:
//
//   OT(h, H) = Σ_b ⟨P_b, C_b⟩ / (4·B),   C_b = cost(h_b[response rows], proj(H_b)[response rows]),   P_b by Sinkhorn
//
// One projector serves every layer. All samples of all layers are one batched, ragged solve.
import type { TransportConfig } from "../config/run";
import { createRng } from "../config/rng";
import type { PairBatch, SideBatch } from "../data";
import type { Tensor } from "../gpu/program";
import {
  costElements,
  DEFAULT_SETTINGS,
  type OtCapacity,
  type OtSettings,
  packProblems,
  pitchOf,
  placeProblems,
  type ProblemSize,
  readStatus,
  recordCost,
  recordCostBackward,
  recordPlanGradient,
  recordSinkhorn,
  type SavedCost,
  type Solved,
} from "../ot";
import { linear, type NewParameter, type Var } from "../student";
import {
  batchSamples,
  type PlanFigures,
  type RecordedProbe,
  type RecordedTerm,
  type Recording,
  type StepShape,
} from "./types";

/** A layer that enters the transport: which states, and where it stands in the problem table. */
type Layer = "embedding" | "hidden";

const PROJECTOR = "projector.ot";

/** nn.Linear's default: weights and bias uniform in ±1/√(fan in). */
export function projectorParameters(from: number, to: number, seed: number): NewParameter[] {
  const rng = createRng(seed);
  const bound = 1 / Math.sqrt(from);
  const uniform = (n: number) => Float32Array.from({ length: n }, () => (2 * rng.next() - 1) * bound);
  const group = "projector" as const;
  return [
    { name: `${PROJECTOR}.weight`, shape: [to, from], data: uniform(to * from), group, decay: true },
    { name: `${PROJECTOR}.bias`, shape: [to], data: uniform(to), group, decay: false },
  ];
}

/** The layers whose weight is not zero. */
export const activeLayers = (config: TransportConfig): Layer[] =>
  (["embedding", "hidden"] as const).filter((layer) => config[layer] > 0);

const settingsOf = ({ epsilon, relative, maxIterations, tolerance }: TransportConfig): OtSettings => ({
  ...DEFAULT_SETTINGS,
  epsilon,
  relative,
  maxIterations,
  tolerance,
});

function capacityOf(s: StepShape, layers: number): OtCapacity {
  // Σ n·pitch(m) ≤ (Σ n)·pitch(max m): a bound that depends on the bucket alone.
  return {
    problems: s.batch * layers,
    maxRows: s.studentLength,
    maxCols: s.teacherLength,
    costElements: layers * costElements(s.studentRows, s.teacherLength),
    rows: layers * s.studentRows,
    cols: layers * s.teacherRows,
  };
}

/** Problem p of layer l is sample p of the batch; places that a smaller batch leaves over stay empty. */
function problemSizes({ student, teacher }: PairBatch, batch: number, layers: number): ProblemSize[] {
  const range = (side: SideBatch, b: number) => {
    const [from = 0, to = from] = [side.rowOffsets[b], side.rowOffsets[b + 1]];
    return [from, to - from] as const;
  };
  const sizes = Array.from({ length: batch }, (_, b): ProblemSize => {
    if (b >= student.B) return { xOffset: 0, n: 0, yOffset: 0, m: 0 };
    const [xOffset, n] = range(student, b);
    const [yOffset, m] = range(teacher, b);
    return { xOffset, n, yOffset, m };
  });
  return Array.from({ length: layers }, () => sizes).flat();
}

interface Recorded {
  readonly layers: readonly Layer[];
  readonly capacity: OtCapacity;
  readonly solved: Solved;
  readonly sides: readonly { readonly x: Var; readonly y: Var; readonly saved: SavedCost }[];
}

/** Projector, cost matrices and the solve. Adds the input `problems` and the output `transport_state`. */
function recordForwardTransport(
  recording: Recording,
  config: TransportConfig,
  keepHistory: boolean,
): Recorded {
  const { tape, shape, student, teacher, params } = recording;
  const { b } = tape;
  const layers = activeLayers(config);
  const capacity = capacityOf(shape, layers.length);
  const problems = b.input("problems", capacity.problems * 8);
  const cost = b.scratch("transport cost", capacity.costElements);
  const projector = [
    params.leaf(tape, `${PROJECTOR}.weight`),
    params.leaf(tape, `${PROJECTOR}.bias`),
  ] as const;
  const project = (states: Tensor): Var => {
    const x = tape.constant(states, [shape.teacherRows, shape.teacherWidth]);
    return linear(tape, x, projector[0], { bias: projector[1] });
  };
  const sides = layers.map((layer, l) => {
    const x = student[layer]();
    const y = project(teacher[layer]());
    const saved = recordCost(b, {
      ...costArgs(recording, config, capacity, problems, cost, l),
      x: x.value,
      y: y.value,
    });
    return { x, y, saved };
  });
  const solved = recordSinkhorn(b, { cost, problems, capacity, settings: settingsOf(config), keepHistory });
  b.output("transport_state", solved.state);
  return { layers, capacity, solved, sides };
}

const costArgs = (
  { shape }: Recording,
  config: TransportConfig,
  capacity: OtCapacity,
  problems: Tensor,
  cost: Tensor,
  layer: number,
) => ({
  D: shape.studentWidth,
  problems,
  capacity,
  range: { first: layer * shape.batch, count: shape.batch },
  kind: config.cost,
  cost,
});

/** The published code averages over the batch and divides by four. */
const problemWeight = (weight: number, batch: PairBatch): number => weight / (4 * batchSamples(batch));

/** Terms `ot_embedding` and `ot_hidden`, each `weight` times the layer's own weight. */
export function recordTransportTerm(
  recording: Recording,
  config: TransportConfig,
  weight: number,
): RecordedTerm {
  const { tape, shape } = recording;
  const { b } = tape;
  const recorded = recordForwardTransport(recording, config, config.gradient === "unrolled");
  const { layers, capacity, solved, sides } = recorded;
  const weights = b.input("transport_weights", capacity.problems);

  tape.push(() => {
    const dcost = recordPlanGradient(b, solved, config.gradient, weights);
    sides.forEach(({ x, y, saved }, l) => {
      const dx = tape.gradSink(x);
      const dy = tape.gradSink(y);
      recordCostBackward(b, {
        ...costArgs(recording, config, capacity, solved.problems, solved.cost, l),
        x: x.value,
        y: y.value,
        saved,
        dcost,
        dx: dx.tensor,
        dy: dy.tensor,
        accumulate: { dx: dx.accumulate, dy: dy.accumulate },
      });
    });
  });

  const weightOf = (layer: Layer, batch: PairBatch) => problemWeight(weight * config[layer], batch);
  return {
    outputs: ["transport_state"],
    inputs: (batch) => ({
      problems: packProblems(problemSizes(batch, shape.batch, layers.length), capacity),
      transport_weights: Float32Array.from(
        layers.flatMap((layer) => new Array<number>(shape.batch).fill(weightOf(layer, batch))),
      ),
    }),
    terms({ transport_state = new Float32Array() }, batch) {
      const statuses = layers.map((_, l) =>
        Array.from({ length: batch.student.B }, (__, s) => readStatus(transport_state, l * shape.batch + s)),
      );
      const all = statuses.flat();
      const sum = (l: number) => (statuses[l] ?? []).reduce((total, { cost }) => total + cost, 0);
      return {
        terms: Object.fromEntries(layers.map((layer, l) => [`ot_${layer}`, sum(l) * weightOf(layer, batch)])),
        correctTokens: 0,
        marginalError: Math.max(0, ...all.map((s) => s.marginalError)),
        unconverged: all.filter((s) => !s.converged).length,
      };
    },
  };
}

/** The plans of one sample, forward only. */
export function recordTransportProbe(recording: Recording, config: TransportConfig): RecordedProbe {
  const { b } = recording.tape;
  const { layers, capacity, solved } = recordForwardTransport(recording, config, false);
  b.output("transport_plan", solved.plan);
  b.output("transport_cost", solved.cost);
  return {
    outputs: ["transport_state", "transport_plan", "transport_cost"],
    inputs: (batch) => ({ problems: packProblems(problemSizes(batch, 1, layers.length), capacity) }),
    plans({ transport_state = empty, transport_plan = empty, transport_cost = empty }, batch) {
      const placed = placeProblems(problemSizes(batch, 1, layers.length), capacity);
      return layers.flatMap((layer, l): PlanFigures[] => {
        const at = placed[l];
        if (!at) return [];
        const s = readStatus(transport_state, l);
        const matrix = (values: Float32Array) => unpitch(values.subarray(at.cost), at.n, at.m);
        const { cost: transportCost, entropy, epsilon, iterations, marginalError, converged } = s;
        const figures = { transportCost, entropy, epsilon, iterations, marginalError, converged };
        return [{ layer, plan: matrix(transport_plan), cost: matrix(transport_cost), ...figures }];
      });
    },
  };
}

const empty = new Float32Array();

/** A ragged matrix without the padding of its rows, [n, m]. */
function unpitch(values: Float32Array, n: number, m: number): Float32Array {
  const pitch = pitchOf(m);
  const out = new Float32Array(n * m);
  for (let i = 0; i < n; i++) out.set(values.subarray(i * pitch, i * pitch + m), i * m);
  return out;
}
