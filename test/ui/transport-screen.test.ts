// the Transport screen's mind — plan
//   alignments   chunks, ULD's positions and MinED's path as pairs of the plan's axes; agreement and its chance level
//   sweeps       any sweep's plan from the potentials is the solver's; facts of a·bᵀ and of a one-to-one plan
//   the Transport screen      bytes first, then the models; a setting solves again, a text reads again; links in and out
import { describe, expect, test } from "vitest";
import type {
  ReaderClient,
  ReaderEvent,
  ScreenSolution,
  ScreenSolverClient,
  TokenLine,
  TokenPairings,
} from "../../src/client";
import { TRANSPORT_PRESETS } from "../../src/config/transport-view";
import { costOf, planFrom } from "../../src/ot/cpu";
import {
  agreement,
  chunkPairs,
  chunkShares,
  createTransportScreen,
  pathPairs,
  planAtSweep,
  positionPairs,
  presetOf,
} from "../../src/store";
import { measure } from "../../src/figure";
import { solveScreenProblem } from "../../src/worker/screen-problem";

const line = (...texts: string[]): TokenLine => {
  let at = 0;
  const start = texts.map((text) => (at += text.length) - text.length);
  return {
    texts,
    ids: texts.map((_, i) => i),
    start,
    end: texts.map((text, i) => (start[i] ?? 0) + text.length),
  };
};
const NO_PAIRS: TokenPairings = { chunks: [], path: [], positions: 0 };
const uniform = (n: number) => new Float64Array(n).fill(1 / n);
function even(n: number, m: number) {
  return { student: uniform(n), teacher: uniform(m) };
}
const pairsOf = (pairs: Uint8Array, m: number) =>
  [...pairs.keys()].filter((k) => pairs[k]).map((k) => [Math.floor(k / m), k % m]);

describe("alignments", () => {
  const pairings: TokenPairings = {
    chunks: [
      { student: [0, 2], teacher: [0, 1] },
      { student: [3, 4], teacher: [1, 3] },
    ],
    path: [
      [0, 0],
      [1, 0],
      [2, 1],
      [3, 2],
    ],
    positions: 3,
  };
  test("all tokens of a chunk belong together; what is in none has no pair", () => {
    expect(pairsOf(chunkPairs(pairings, 4, 3), 3)).toEqual([
      [0, 0],
      [1, 0],
      [3, 1],
      [3, 2],
    ]);
    expect(chunkShares(pairings, 4, 3)).toEqual({ student: 0.75, teacher: 1 });
    expect(chunkShares({ ...pairings, chunks: [] }, 0, 3)).toEqual({ student: 1, teacher: 0 });
  });
  test("ULD pairs positions, however long the lines; MinED its path", () => {
    expect(pairsOf(positionPairs(pairings, 4, 3), 3)).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
    expect(pairsOf(pathPairs(pairings, 4, 3), 3)).toEqual(pairings.path);
  });
  test("agreement is the mass on the pairs; chance is theirs under a·bᵀ", () => {
    const pairs = positionPairs({ ...pairings, positions: 2 }, 2, 2);
    expect(agreement([0.5, 0, 0, 0.5], pairs, even(2, 2))).toEqual({ share: 1, chance: 0.5 });
    const uneven = { student: Float64Array.of(0.9, 0.1), teacher: Float64Array.of(0.8, 0.2) };
    expect(agreement([0.5, 0, 0, 0.5], pairs, uneven).chance).toBeCloseTo(0.74);
    expect(agreement([0.25, 0.25, 0.25, 0.25], pairs, even(2, 2)).share).toBe(0.5);
  });
});

const states = {
  d: 2,
  student: Float32Array.from([1, 0, 0, 1, 1, 1]),
  teacher: Float32Array.from([1, 0.2, 0.1, 1]),
  fit: undefined,
};
const question = { n: 3, m: 2, states, masses: even(3, 2), ...solverOf(TRANSPORT_PRESETS.intended) };
function solverOf(view: typeof TRANSPORT_PRESETS.intended) {
  const { cost, scheme, epsilon, relative, maxIterations, tolerance, gradient, relaxed, tau, solver } = view;
  return { cost, scheme, epsilon, relative, maxIterations, tolerance, gradient, relaxed, tau, solver };
}

describe("sweeps", () => {
  test.each(["intended", "published"] as const)(
    "%s: every sweep's plan comes from its potentials",
    (preset) => {
      const solution = solveScreenProblem({ ...question, ...solverOf(TRANSPORT_PRESETS[preset]) });
      const last = solution.errors.length - 1;
      const redrawn = planFrom(
        solution.cost,
        solution.f.slice(last * 3),
        solution.g.slice(last * 2),
        solution.epsilon,
      );
      redrawn.forEach((mass, k) => expect(mass).toBeCloseTo(solution.plan[k]!, 5));
      const start = planAtSweep(solution, 3, 2, 0);
      expect(measure(start, solution.cost, even(3, 2)).marginalError).toBeGreaterThan(solution.marginalError);
      expect(planAtSweep(solution, 3, 2, last)).toBe(solution.plan);
      expect([...solution.cost]).toEqual([
        ...Float32Array.from(
          costOf({
            n: 3,
            m: 2,
            d: 2,
            x: states.student,
            y: states.teacher,
            kind: TRANSPORT_PRESETS[preset].cost,
          }),
        ),
      ]);
    },
  );
});

function rig() {
  const asked: Parameters<ReaderClient["read"]>[0][] = [];
  const solves: number[] = [];
  let emit: (event: ReaderEvent) => void = () => {};
  const reader: ReaderClient = {
    open: () => {},
    read: (read) => asked.push(read),
    subscribe: (listener) => ((emit = listener), () => {}),
    close: () => {},
  };
  let ready = () => {};
  let by: ScreenSolution["by"] = { device: "cpu", why: "small", detail: "" };
  const solver: ScreenSolverClient = {
    onReady: (listener) => (ready = listener),
    solve(problem, onReply) {
      solves.push(problem.epsilon);
      onReply({ ...solveScreenProblem(problem), by });
    },
    close: () => {},
  };
  const made = createTransportScreen({ reader, solver, baseUrl: "http://localhost/" });
  const view = { prompt: "p", response: "Train" };
  const rows = Array.from({ length: 4 }, (_, i) => ({
    id: `r${i}`,
    family: "",
    views: { cot: view, plain: view },
  }));
  const answer = (features: "bytes" | "hidden") => {
    const id = asked.at(-1)!.id;
    emit({
      type: "tokens",
      id,
      student: line("Tr", "ai", "n"),
      teacher: line("Tra", "in"),
      pairings: NO_PAIRS,
    });
    emit({ type: "states", id, features, states });
  };
  const gpu = { ready: () => ready(), says: (next: ScreenSolution["by"]) => (by = next) };
  return {
    transportScreen: made,
    gpu,
    asked,
    solves,
    answer,
    emit: (event: ReaderEvent) => emit(event),
    rows,
  };
}

describe("the screen", () => {
  test("bytes first, then the models; the plan is marked as interim until then", () => {
    const { transportScreen, asked, answer, emit, rows } = rig();
    transportScreen.open();
    emit({ type: "rows", rows });
    expect(asked.map((a) => a.features)).toEqual(["bytes"]);
    answer("bytes");
    expect(transportScreen.store.getState().solved?.features).toBe("bytes");
    expect(asked.map((a) => a.features)).toEqual(["bytes", "hidden"]);
    answer("hidden");
    expect(transportScreen.store.getState().solved?.features).toBe("hidden");
    expect(asked).toHaveLength(2);
  });
  test("a solver setting solves again without reading; a text reads again; what is shown does neither", () => {
    const { transportScreen, asked, solves, answer, emit, rows } = rig();
    transportScreen.open();
    emit({ type: "rows", rows });
    answer("bytes");
    answer("hidden");
    const [reads, before] = [asked.length, solves.length];
    transportScreen.change({ epsilon: 0.5 });
    expect([asked.length, solves.length]).toEqual([reads, before + 1]);
    transportScreen.show({ matrix: "cost" });
    expect([asked.length, solves.length]).toEqual([reads, before + 1]);
    transportScreen.change({ text: { from: "own", text: "Train" } });
    expect(asked).toHaveLength(reads + 1);
    transportScreen.change({ epsilon: -1 });
    expect(transportScreen.store.getState().issues[0]).toMatch(/^epsilon: must be greater/);
    expect(transportScreen.store.getState().view.epsilon).toBe(0.5);
  });
  test("a GPU that gets ready is asked what the CPU answered meanwhile, and nothing else", () => {
    const { transportScreen, gpu, solves, answer, emit, rows } = rig();
    transportScreen.open();
    emit({ type: "rows", rows });
    gpu.says({ device: "cpu", why: "opening", detail: "" });
    answer("bytes");
    const before = solves.length;
    gpu.says({ device: "gpu", adapter: "A" });
    gpu.ready();
    expect(solves).toHaveLength(before + 1);
    expect(transportScreen.store.getState().solved?.solution.by.device).toBe("gpu");
    gpu.ready();
    expect(solves).toHaveLength(before + 1);
  });
  test("masses by bytes, a relaxed side and the solver are asked anew; the loop as published refuses to relax", () => {
    const { transportScreen, solves, answer, emit, rows } = rig();
    transportScreen.open();
    emit({ type: "rows", rows });
    answer("bytes");
    answer("hidden");
    const before = solves.length;
    transportScreen.change({ masses: "bytes" });
    expect([...transportScreen.store.getState().solved!.masses.student]).toEqual([0.4, 0.4, 0.2]);
    transportScreen.change({ relaxed: "both", tau: 0.05 });
    const { solution } = transportScreen.store.getState().solved!;
    expect(solution.plan.reduce((sum, p) => sum + p, 0)).toBeLessThan(0.95);
    transportScreen.change({ solver: "cpu" });
    expect(solves).toHaveLength(before + 3);
    transportScreen.change({ scheme: "multiplicative" });
    expect(transportScreen.store.getState().issues[0]).toMatch(/^relaxed: the multiplicative loop/);
    transportScreen.choosePreset("published");
    expect(transportScreen.store.getState().view).toMatchObject({
      scheme: "multiplicative",
      relaxed: "none",
      masses: "uniform",
    });
  });
  test("an answer to an older question is not shown", () => {
    const { transportScreen, asked, emit, rows } = rig();
    transportScreen.open();
    emit({ type: "rows", rows });
    const old = asked.at(-1)!.id;
    transportScreen.change({ text: { from: "own", text: "abc" } });
    emit({ type: "tokens", id: old, student: line("x"), teacher: line("x"), pairings: NO_PAIRS });
    expect(transportScreen.store.getState().lines).toBeUndefined();
  });
  test("the published switch changes the solver and nothing else; links carry it", () => {
    const { transportScreen } = rig();
    transportScreen.change({ features: "bytes" });
    transportScreen.choosePreset("published");
    const { view } = transportScreen.store.getState();
    expect(presetOf(view)).toBe("published");
    expect(view.features).toBe("bytes");
    expect(transportScreen.toLink()).toBe("v=1&preset=published&features=bytes");
    const other = rig().transportScreen;
    other.fromLink(transportScreen.toLink());
    expect(other.store.getState().view).toEqual(view);
    other.fromLink("v=1&epsilon=zero");
    expect(other.store.getState().issues[0]).toMatch(/^epsilon: /);
  });
});
