// Optimal transport between student and projected teacher states, METHODS §7:
//
//   OT(h, H) = Σ_b ⟨P_b, C_b⟩ / (4·B),   C_b = cost(h_b[response rows], proj(H_b)[response rows]),   P_b by Sinkhorn
//
// One projector serves every layer and every pair of views. All samples of all sites are one batched, ragged solve.
import type { TransportConfig } from "../config/run";
import type { PairBatch } from "../data";
import type { Tensor } from "../gpu/program";
import {
  DEFAULT_SETTINGS,
  type OtCapacity,
  type OtSettings,
  packProblems,
  pitchOf,
  placeProblems,
  readStatus,
  recordCost,
  recordCostBackward,
  recordPlanGradient,
  recordSinkhorn,
  type SavedCost,
  type Solved,
} from "../ot";
import { joinColumns, type Var } from "../student";
import { project } from "./projector";
import {
  capacityOf,
  type PairConfig,
  problemSizes,
  type Site,
  sitesOf,
  siteWeight,
  studentStates,
  teacherRowsOf,
  teacherStates,
} from "./transport-sites";
import type { PlanFigures, RecordedProbe, RecordedTerm, Recording } from "./types";

const settingsOf = (config: TransportConfig): OtSettings => {
  const { epsilon, relative, maxIterations, tolerance, scheme } = config;
  return { ...DEFAULT_SETTINGS, epsilon, relative, maxIterations, tolerance, scheme };
};

interface Side {
  readonly site: Site;
  /** Student rows and projected teacher rows, their width a multiple of four. */
  readonly x: Var;
  readonly y: Var;
  readonly saved: SavedCost;
}

interface Recorded {
  readonly sites: readonly Site[];
  readonly capacity: OtCapacity;
  readonly solved: Solved;
  readonly sides: readonly Side[];
}

/** Projector, cost matrices and the solve. Adds the input `problems` and the output `transport_state`. */
function recordForwardTransport(recording: Recording, config: PairConfig, keepHistory: boolean): Recorded {
  const { b } = recording.tape;
  const sites = sitesOf(config);
  const capacity = capacityOf(recording.shape, sites);
  const problems = b.input("problems", capacity.problems * 8);
  const cost = b.scratch("transport cost", capacity.costElements);
  const states = wholeVectors(recording);
  const sides = sites.map((site, s): Side => {
    const x = states.student(site);
    const y = states.teacher(site);
    const args = costArgs(recording, config, capacity, problems, cost, s);
    return { site, x, y, saved: recordCost(b, { ...args, x: x.value, y: y.value }) };
  });
  const settings = settingsOf(config.transport);
  const solved = recordSinkhorn(b, { cost, problems, capacity, settings, keepHistory });
  b.output("transport_state", solved.state);
  return { sites, capacity, solved, sides };
}

/** The cost kernels read whole vec4s. */
const paddedWidth = (width: number): number => Math.ceil(width / 4) * 4;

/** The states of a site, recorded once however many sites use them. */
function wholeVectors(recording: Recording) {
  const { tape, params, shape } = recording;
  const width = paddedWidth(shape.studentWidth);
  const widen = (x: Var) => (width === shape.studentWidth ? x : joinColumns(tape, [x], width));
  const known = new Map<string, Var>();
  const once = (key: string, make: () => Var): Var => {
    const made = known.get(key) ?? make();
    known.set(key, made);
    return made;
  };
  return {
    student: (site: Site) =>
      once(`s ${site.layer.student} ${site.studentView}`, () => widen(studentStates(recording, site))),
    teacher: (site: Site) =>
      once(`t ${site.layer.teacher} ${site.teacherView}`, () => {
        const rows = teacherRowsOf(shape, site);
        const states = tape.constant(teacherStates(recording, site), [rows, shape.teacherWidth]);
        return widen(project(tape, params, "ot", states));
      }),
  };
}

const costArgs = (
  { shape }: Recording,
  { transport }: PairConfig,
  capacity: OtCapacity,
  problems: Tensor,
  cost: Tensor,
  site: number,
) => ({
  D: paddedWidth(shape.studentWidth),
  trueD: shape.studentWidth,
  problems,
  capacity,
  range: { first: site * shape.batch, count: shape.batch },
  kind: transport.cost,
  cost,
});

/** One term for each site, `weight` times its layer's weight, and its gauge. */
export function recordTransportTerm(recording: Recording, config: PairConfig, weight: number): RecordedTerm {
  const { tape, shape } = recording;
  const { b } = tape;
  const { gradient } = config.transport;
  const { sites, capacity, solved, sides } = recordForwardTransport(
    recording,
    config,
    gradient === "unrolled",
  );
  const weights = b.input("transport_weights", capacity.problems);

  tape.push(() => {
    const dcost = recordPlanGradient(b, solved, gradient, weights);
    sides.forEach(({ x, y, saved }, s) => {
      const dx = tape.gradSink(x);
      const dy = tape.gradSink(y);
      recordCostBackward(b, {
        ...costArgs(recording, config, capacity, solved.problems, solved.cost, s),
        ...{ x: x.value, y: y.value, saved, dcost },
        ...{ dx: dx.tensor, dy: dy.tensor },
        accumulate: { dx: dx.accumulate, dy: dy.accumulate },
      });
    });
  });

  const weightOf = (site: Site, batch: PairBatch) => weight * siteWeight(site, config.masks, batch);
  return {
    outputs: ["transport_state"],
    inputs: (batch) => ({
      problems: packProblems(problemSizes(batch, shape.batch, sites), capacity),
      transport_weights: Float32Array.from(
        sites.flatMap((site) => new Array<number>(shape.batch).fill(weightOf(site, batch))),
      ),
    }),
    terms({ transport_state = empty }, batch) {
      const sizes = problemSizes(batch, shape.batch, sites);
      const perSite = sites.map((site, s) => {
        const solvedHere = sizes
          .slice(s * shape.batch, (s + 1) * shape.batch)
          .flatMap(({ n }, p) => (n > 0 ? [readStatus(transport_state, s * shape.batch + p)] : []));
        const cost = solvedHere.reduce((sum, status) => sum + status.cost, 0);
        return { site, solvedHere, cost };
      });
      const all = perSite.flatMap(({ solvedHere }) => solvedHere);
      return {
        terms: Object.fromEntries(perSite.map(({ site, cost }) => [site.name, cost * weightOf(site, batch)])),
        correctTokens: 0,
        marginalError: Math.max(0, ...all.map((s) => s.marginalError)),
        unconverged: all.filter((s) => !s.converged).length,
      };
    },
  };
}

/** The plans of one sample, forward only. */
export function recordTransportProbe(recording: Recording, config: PairConfig): RecordedProbe {
  const { b } = recording.tape;
  const { sites, capacity, solved } = recordForwardTransport(recording, config, false);
  b.output("transport_plan", solved.plan);
  b.output("transport_cost", solved.cost);
  return {
    outputs: ["transport_state", "transport_plan", "transport_cost"],
    inputs: (batch) => ({ problems: packProblems(problemSizes(batch, 1, sites), capacity) }),
    plans({ transport_state = empty, transport_plan = empty, transport_cost = empty }, batch) {
      const placed = placeProblems(problemSizes(batch, 1, sites), capacity);
      return sites.flatMap(({ layer: { student: layer } }, s): PlanFigures[] => {
        const at = placed[s];
        if (!at || at.n === 0 || typeof layer === "number") return []; // the page shows the two ends
        const status = readStatus(transport_state, s);
        const matrix = (values: Float32Array) => unpitch(values.subarray(at.cost), at.n, at.m);
        const { cost: transportCost, entropy, epsilon, iterations, marginalError, converged } = status;
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
