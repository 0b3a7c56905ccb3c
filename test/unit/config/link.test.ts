// links — plan
//   round trip      any JSON tree from any other; any run config; any transport view; through a real URL
//   readable        the default is empty; one change is one entry
//   refusals        newer version, no version, unknown preset, unknown key, out of range, prototype keys: each named
//   control         a changed entry changes the value
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyDifference, differenceOf } from "../../../src/config/difference";
import { decodeLink, encodeLink, type LinkFormat } from "../../../src/config/link";
import { PRESETS } from "../../../src/config/presets";
import { ConfigError, COST_KINDS, parseRunConfig, type RunConfig } from "../../../src/config/run";
import {
  FEATURES,
  FORMS,
  MASSES,
  MATRICES,
  OVERLAYS,
  parseTransportView,
  PROJECTORS,
  RELAXED,
  SOLVERS,
  TRANSPORT_PRESETS,
  type TransportView,
} from "../../../src/config/transport-view";

const key = fc.stringMatching(/^[a-z][a-zA-Z]{0,6}$/).filter((k) => k !== "drop" && !(k in Object.prototype));
const { tree } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (x === 0 ? 0 : x)), // JSON has no −0
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.integer(), { maxLength: 3 }),
  ),
  tree: fc.dictionary(key, fc.oneof({ maxDepth: 3 }, tie("leaf"), tie("tree")), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
}));
/** Objects without leaves have no name in a difference: only a leaf `{}` has. */
const solid = (value: unknown): boolean =>
  typeof value !== "object" ||
  value === null ||
  Array.isArray(value) ||
  (Object.keys(value).length > 0 && Object.values(value).every(solid));

test("any tree is the base and its difference", () => {
  const trees = tree.filter(solid);
  fc.assert(
    fc.property(trees, trees, (base, value) => {
      expect(applyDifference(base, differenceOf(base, value))).toEqual(value);
    }),
    { numRuns: 500 },
  );
});

const runFormat: LinkFormat<RunConfig> = {
  presets: Object.fromEntries(Object.entries(PRESETS).map(([id, { config }]) => [id, config])),
  parse: parseRunConfig,
};
const viewFormat: LinkFormat<TransportView> = { presets: TRANSPORT_PRESETS, parse: parseTransportView };

const positive = fc.double({ min: 1e-9, max: 1e6, noNaN: true });
const configs = fc
  .record({
    preset: fc.constantFrom(...Object.keys(runFormat.presets)),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    epsilon: positive,
    rate: positive,
    steps: fc.integer({ min: 1, max: 1e6 }),
    teacher: fc.string({ minLength: 1 }),
    cost: fc.constantFrom(...COST_KINDS),
    base: fc.constantFrom(...Object.keys(runFormat.presets)),
    split: fc.constantFrom({}, { splitSeed: 5 }),
  })
  .map(({ preset, seed, epsilon, rate, steps, teacher, cost, base, split }) => {
    const config = structuredClone(runFormat.presets[base]!);
    const method = "transport" in config.method ? { ...config.method } : config.method;
    if ("transport" in method && method.transport) method.transport = { ...method.transport, epsilon, cost };
    const optimizer = { ...config.optimizer, learningRate: rate };
    return {
      preset,
      config: parseRunConfig({
        ...config,
        data: { ...config.data, ...split },
        seed,
        steps,
        teacher,
        method,
        optimizer,
      }),
    };
  });

const anyViews = fc.record({
  text: fc.oneof(
    fc.record({ from: fc.constant("own" as const), text: fc.string({ minLength: 1, unit: "grapheme" }) }),
    fc.record({
      from: fc.constant("row" as const),
      row: fc.integer({ min: 0, max: 399 }),
      student: fc.constantFrom("cot" as const, "plain" as const),
      teacher: fc.constantFrom("cot" as const, "plain" as const),
    }),
  ),
  models: fc.record({ student: fc.string({ minLength: 1 }), teacher: fc.string({ minLength: 1 }) }),
  features: fc.constantFrom(...FEATURES),
  projector: fc.constantFrom(...PROJECTORS),
  cost: fc.constantFrom(...COST_KINDS),
  scheme: fc.constantFrom("log" as const, "multiplicative" as const),
  epsilon: positive,
  relative: fc.boolean(),
  maxIterations: fc.integer({ min: 1, max: 2000 }),
  tolerance: fc.double({ min: 0, max: 1, noNaN: true }).map((x) => x + 0),
  masses: fc.constantFrom(...MASSES),
  relaxed: fc.constantFrom(...RELAXED),
  tau: positive,
  solver: fc.constantFrom(...SOLVERS),
  gradient: fc.constantFrom("unrolled" as const, "envelope" as const, "implicit" as const),
  show: fc.record({
    matrix: fc.constantFrom(...MATRICES),
    form: fc.constantFrom(...FORMS),
    scale: fc.constantFrom("sqrt" as const, "linear" as const, "log" as const),
    overlay: fc.constantFrom(...OVERLAYS),
    sweep: fc.option(fc.integer({ min: 0, max: 2000 })),
  }),
});
/** The multiplicative loop keeps both marginals. */
const views = anyViews.map((view) =>
  view.scheme === "multiplicative" ? { ...view, relaxed: "none" as const } : view,
);

const throughUrl = (text: string): string =>
  new URL(`http://localhost/#/x?${text}`).hash.replace(/^[^?]*\?/, "");

describe("round trip through a URL", () => {
  test("run configs", () => {
    fc.assert(
      fc.property(configs, ({ preset, config }) => {
        const decoded = decodeLink(runFormat, throughUrl(encodeLink(runFormat, preset, config)));
        expect(decoded.issues).toEqual([]);
        expect(decoded.value).toEqual(config);
      }),
    );
  });
  test("transport views", () => {
    fc.assert(
      fc.property(views, fc.constantFrom("intended", "published"), (view, preset) => {
        const decoded = decodeLink(viewFormat, throughUrl(encodeLink(viewFormat, preset, view)));
        expect(decoded.issues).toEqual([]);
        expect(decoded.value).toEqual(view);
      }),
    );
  });
});

test("the default is empty, and one change is one entry", () => {
  const base = TRANSPORT_PRESETS.intended;
  expect(encodeLink(viewFormat, "intended", base)).toBe("");
  expect(encodeLink(viewFormat, "intended", { ...base, epsilon: 0.5 })).toBe("v=1&epsilon=0.5");
  expect(encodeLink(viewFormat, "published", TRANSPORT_PRESETS.published)).toBe("v=1&preset=published");
});

describe("what a link cannot have is named", () => {
  test.each([
    ["epsilon=0.5", /^v: the link does not say/],
    ["v=2&epsilon=0.5", /^v: the link was made by a newer Couplet/],
    ["v=zero", /^v: "zero" is no version/],
    ["v=1&preset=nope", /^preset: there is no preset "nope", only intended, published/],
    ["v=1&epsilon=-1", /^epsilon: must be greater than 0/],
    ["v=1&maxIterations=1e9", /^maxIterations: /],
    ["v=1&colour=red", /^colour: /],
    ["v=1&text.__proto__=1", /^text.__proto__: is not a setting's name/],
    ["v=1&drop=epsilon", /^epsilon: /],
  ])("%s", (text, expected) => {
    const { issues, value } = decodeLink(viewFormat, text);
    expect(issues[0]).toMatch(expected);
    expect(value).toEqual(TRANSPORT_PRESETS.intended);
  });
  test("control: a good entry changes the value and names nothing", () => {
    const { issues, value } = decodeLink(viewFormat, "v=1&epsilon=0.25");
    expect(issues).toEqual([]);
    expect(value.epsilon).toBe(0.25);
  });
  test("a broken difference is a ConfigError", () => {
    expect(() => applyDifference({}, [["a..b", "1"]])).toThrow(ConfigError);
  });
});
