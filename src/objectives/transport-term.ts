// Optimal transport between student and projected teacher states, METHODS §7:
//
//   OT(h, H) = Σ_b ⟨P_b, C_b⟩ / (4·B),   C_b = cost(h_b[response rows], proj(H_b)[response rows]),   P_b by Sinkhorn
//
// One projector serves every layer and every pair of views. All samples of all sites are one batched, ragged solve.
import type { TransportConfig } from "../config/run";
import type { Tensor } from "../gpu/program";
import {
  DEFAULT_SETTINGS,
  MOST_RESIDUAL,
  type OtCapacity,
  type OtSettings,
  packProblems,
  pitchOf,
  placeProblems,
  PROBLEM_WORDS,
  readStatus,
  recordCost,
  recordCostBackward,
  recordPlanGauge,
  recordPlanGradient,
  recordSinkhorn,
  type SavedCost,
  type Solved,
} from "../ot";
import { joinColumns, type Var } from "../student";
import { type LayerWeights, recordLayerWeights } from "./layer-weights";
import { project } from "./projector";
import { recordMarginals, type RecordedMarginals } from "./transport-marginals";
import type { TermGauge } from "../telemetry";
import {
  activeLayers,
  capacityOf,
  type PairConfig,
  problemSizes,
  type Site,
  sitesOf,
  problemWeight,
  studentStates,
  teacherRowsOf,
  teacherStates,
} from "./transport-sites";
import { type PlanFigures, type RecordedProbe, type RecordedTerm, type Recording, STAGES } from "./types";

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
  /** Absent: uniform. */
  readonly marginals: RecordedMarginals | undefined;
}

/** Projector, cost matrices and the solve. Adds the input `problems` and the output `transport_state`. */
function recordForwardTransport(recording: Recording, config: PairConfig, keepHistory: boolean): Recorded {
  const { b } = recording.tape;
  const sites = sitesOf(config);
  const capacity = capacityOf(recording.shape, sites);
  const problems = b.input("problems", capacity.problems * PROBLEM_WORDS);
  const cost = b.scratch("transport cost", capacity.costElements);
  const states = siteStates(recording);
  const sides = sites.map((site, s): Side => {
    const x = states.student(site);
    const y = states.teacher(site);
    const args = costArgs(recording, config, capacity, problems, cost, s);
    return { site, x, y, saved: recordCost(b, { ...args, x: x.value, y: y.value }) };
  });
  const marginals =
    config.transport.marginals === "attention"
      ? recordMarginals(
          recording,
          sides.map(({ site, x }) => ({ site, own: x, teacher: states.unprojected(site) })),
          problems,
          [recording.shape.studentWidth, recording.shape.teacherWidth],
        )
      : undefined;
  const settings = settingsOf(config.transport);
  const given = marginals ? { marginals: marginals.marginals } : {};
  const solved = recordSinkhorn(b, { cost, problems, capacity, settings, keepHistory, ...given });
  b.output("transport_state", solved.state);
  return { sites, capacity, solved, sides, marginals };
}

/** The cost kernels read whole vec4s. */
const paddedWidth = (width: number): number => Math.ceil(width / 4) * 4;

/** The states of a site, recorded once however many sites use them. */
function siteStates(recording: Recording) {
  const { tape, params, shape } = recording;
  const widen = (x: Var, width = x.shape[1] ?? 0) =>
    paddedWidth(width) === width ? x : joinColumns(tape, [x], paddedWidth(width));
  const known = new Map<string, Var>();
  const once = (key: string, make: () => Var): Var => {
    const made = known.get(key) ?? make();
    known.set(key, made);
    return made;
  };
  const constant = (site: Site) =>
    once(`c ${site.layer.teacher} ${site.teacherView}`, () =>
      tape.constant(teacherStates(recording, site), [teacherRowsOf(shape, site), shape.teacherWidth]),
    );
  return {
    student: (site: Site) =>
      once(`s ${site.layer.student} ${site.studentView}`, () => widen(studentStates(recording, site))),
    teacher: (site: Site) =>
      once(`t ${site.layer.teacher} ${site.teacherView}`, () =>
        widen(project(tape, params, "ot", constant(site))),
      ),
    unprojected: (site: Site) =>
      once(`u ${site.layer.teacher} ${site.teacherView}`, () => widen(constant(site))),
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

/** One term for each site, weighted by `problemWeight`, and its gauge. @param rate what the method weighs transport. */
export function recordTransportTerm(recording: Recording, config: PairConfig, rate: number): RecordedTerm {
  const { tape, shape } = recording;
  const { b } = tape;
  const { gradient, layerWeights } = config.transport;
  const recorded = b.inStage(STAGES.transport, () =>
    recordForwardTransport(recording, config, gradient === "unrolled"),
  );
  const { sites, capacity, solved, sides, marginals } = recorded;
  const base = b.input("transport_weights", capacity.problems);
  const layers = activeLayers(config.transport).length;
  const weighing = { masks: config.masks, rate };
  const learned: LayerWeights | undefined =
    layerWeights === "learned"
      ? recordLayerWeights(tape, recording.params, base, { layers, per: capacity.problems / layers })
      : undefined;
  const weights = learned?.weights ?? base;
  if (learned) b.output("layer_shares", learned.shares);
  b.output(
    "transport_gauge",
    b.inStage(STAGES.transport, () => recordPlanGauge(b, solved)),
  );

  const backward = () => {
    learned?.backward(solved.state);
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
  };
  tape.push(() => b.inStage(STAGES.transport, backward));

  return {
    outputs: ["transport_state", "transport_gauge", ...(learned ? ["layer_shares"] : [])],
    inputs: (batch) => ({
      problems: packProblems(problemSizes(batch, shape.batch, sites), capacity),
      transport_weights: Float32Array.from(
        sites.flatMap((site) => new Array<number>(shape.batch).fill(problemWeight(site, weighing, batch))),
      ),
      ...marginals?.inputs(batch),
    }),
    terms({ transport_state = empty, transport_gauge = empty, layer_shares }, batch) {
      const sizes = problemSizes(batch, shape.batch, sites);
      const solvedAt = (s: number) =>
        sizes.slice(s * shape.batch, (s + 1) * shape.batch).flatMap(({ n }, p) => {
          const at = s * shape.batch + p;
          return n > 0 ? [{ ...readStatus(transport_state, at), at }] : [];
        });
      const perSite = sites.map((site, s) => {
        const share = layer_shares?.[Math.floor((s * layers) / sites.length)] ?? 1;
        return { site, solvedHere: solvedAt(s), weight: problemWeight(site, weighing, batch, share) };
      });
      const all = perSite.flatMap(({ solvedHere }) => solvedHere);
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      return {
        terms: Object.fromEntries(
          perSite.map(({ site, solvedHere, weight: w }) => [
            site.name,
            w * sum(solvedHere.map(({ cost }) => cost)),
          ]),
        ),
        correctTokens: 0,
        marginalError: Math.max(0, ...all.map((s) => s.marginalError)),
        unconverged: all.filter((s) => !(s.converged && s.gradientResidual <= MOST_RESIDUAL)).length,
        gauges: Object.fromEntries(
          perSite.flatMap(({ site, solvedHere }) => {
            const count = solvedHere.length;
            if (count === 0) return [];
            const gauge: TermGauge = {
              entropy: sum(solvedHere.map(({ entropy }) => entropy)) / count,
              productEntropy: sum(solvedHere.map(({ at }) => transport_gauge[2 * at + 1] ?? NaN)) / count,
              maxDeviation: Math.max(...solvedHere.map(({ at }) => transport_gauge[2 * at] ?? NaN)),
            };
            return [[site.name, gauge]];
          }),
        ),
      };
    },
  };
}

/** The plans of one sample at every site, forward only. */
export function recordTransportProbe(recording: Recording, config: PairConfig): RecordedProbe {
  const { b } = recording.tape;
  const { sites, capacity, solved, marginals } = recordForwardTransport(recording, config, false);
  b.output("transport_plan", solved.plan);
  b.output("transport_cost", solved.cost);
  b.output("transport_gauge", recordPlanGauge(b, solved));
  return {
    outputs: ["transport_state", "transport_plan", "transport_cost", "transport_gauge"],
    inputs: (batch) => ({
      problems: packProblems(problemSizes(batch, 1, sites), capacity),
      ...marginals?.inputs(batch),
    }),
    plans(outputs, batch) {
      const { transport_state = empty, transport_plan = empty, transport_cost = empty } = outputs;
      const placed = placeProblems(problemSizes(batch, 1, sites), capacity);
      return sites.flatMap(({ name, studentView, teacherView }, s): PlanFigures[] => {
        const at = placed[s];
        if (!at || at.n === 0) return []; // a row without a plain view has no cross pairs
        const status = readStatus(transport_state, s);
        const matrix = (values: Float32Array) => unpitch(values.subarray(at.cost), at.n, at.m);
        const { cost: transportCost, entropy, epsilon, iterations, marginalError, converged } = status;
        const maxDeviation = outputs["transport_gauge"]?.[2 * s] ?? NaN;
        const figures = {
          transportCost,
          entropy,
          epsilon,
          iterations,
          marginalError,
          converged,
          maxDeviation,
        };
        const views = { student: studentView, teacher: teacherView };
        const layer = name.slice("ot_".length);
        return [{ layer, views, plan: matrix(transport_plan), cost: matrix(transport_cost), ...figures }];
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
