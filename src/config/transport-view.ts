// What the Transport screen shows: the texts, the states, the cost and the solver. Small, checked and linkable.
import * as v from "valibot";
import { BUNDLED_STUDENTS, BUNDLED_TEACHERS } from "./bundled";
import { issueText } from "./issue-text";
import { ConfigError } from "./run";
import { COST_KINDS, GRADIENTS, PUBLISHED, SCHEMES, withCurrentNames } from "./transport";

export const TEXT_LIMIT = 4000;
const view = v.picklist(["cot", "plain"]);
const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

const text = v.variant("from", [
  v.strictObject({
    from: v.literal("own"),
    /** An emptied field is a state, too: nothing is cut, and nothing of before is shown. */
    text: v.pipe(v.string(), v.maxLength(TEXT_LIMIT, `must hold at most ${TEXT_LIMIT} characters`)),
  }),
  /** A held-out row's response; two different views make a cross-CoT pair. */
  v.strictObject({ from: v.literal("row"), row: whole(0, 399), student: view, teacher: view }),
]);

export const FEATURES = ["bytes", "embedding", "hidden"] as const;
export const PROJECTORS = ["fitted", "random"] as const;
export const MATRICES = ["plan", "cost", "gradient"] as const;
export const FORMS = ["matrix", "ribbons"] as const;
export const OVERLAYS = ["none", "bytes", "mined", "positions"] as const;
export const MASSES = ["uniform", "bytes"] as const;
export const RELAXED = ["none", "both", "student", "teacher"] as const;
export const SOLVERS = ["auto", "cpu", "gpu"] as const;

const model = v.pipe(v.string(), v.nonEmpty("must name a model"));

const transportView = v.strictObject({
  text,
  /** Whose tokenizers and states: bundled models, or library keys. */
  models: v.strictObject({ student: model, teacher: model }),
  /** What a token is to the cost: its bytes, or a model's state. */
  features: v.picklist(FEATURES),
  projector: v.picklist(PROJECTORS),
  cost: v.picklist(COST_KINDS),
  scheme: v.picklist(SCHEMES),
  /** Times the mean cost when `relative`. */
  epsilon: v.pipe(v.number(), v.finite(), v.gtValue(0, "must be greater than 0")),
  relative: v.boolean(),
  maxIterations: whole(1, 2000),
  tolerance: v.pipe(v.number(), v.finite(), v.minValue(0, "must not be negative")),
  /** What a token weighs: each the same, or as much as its bytes. */
  masses: v.picklist(MASSES),
  /** Whose marginal may be missed, at a price of τ KL(P1 | a). */
  relaxed: v.picklist(RELAXED),
  /** τ, in units of the mean cost. */
  tau: v.pipe(v.number(), v.finite(), v.gtValue(0, "must be greater than 0")),
  /** Who sweeps: the WGSL kernels, their twin on the CPU, or what is quicker. */
  solver: v.picklist(SOLVERS),
  gradient: v.picklist(GRADIENTS),
  show: v.strictObject({
    matrix: v.picklist(MATRICES),
    form: v.picklist(FORMS),
    scale: v.picklist(["sqrt", "linear", "log"]),
    /** Outlined on the matrix: what another way of aligning would pair. */
    overlay: v.picklist(OVERLAYS),
    /** The sweep that is drawn; null is the last. */
    sweep: v.nullable(whole(0, 2000)),
  }),
});

export type TransportView = v.InferOutput<typeof transportView>;
export type TextSource = TransportView["text"];
export type Overlay = TransportView["show"]["overlay"];
export type ModelPair = TransportView["models"];
export type Features = TransportView["features"];
export type Masses = TransportView["masses"];
export type Relaxed = TransportView["relaxed"];
export type SolverChoice = TransportView["solver"];

const INTENDED: TransportView = {
  text: { from: "row", row: 3, student: "cot", teacher: "cot" },
  models: { student: BUNDLED_STUDENTS[0], teacher: BUNDLED_TEACHERS[0] },
  features: "hidden",
  projector: "fitted",
  cost: "cosine",
  scheme: "log",
  epsilon: 0.1,
  relative: true,
  maxIterations: 200,
  tolerance: 1e-5,
  masses: "uniform",
  relaxed: "none",
  tau: 1,
  solver: "auto",
  gradient: "unrolled",
  show: { matrix: "plan", form: "matrix", scale: "sqrt", overlay: "none", sweep: null },
};

/** `published` is CoT2Align's released loop. */
export const TRANSPORT_PRESETS = {
  intended: INTENDED,
  published: { ...INTENDED, ...PUBLISHED },
} as const satisfies Record<string, TransportView>;

/** What the two presets differ in: the switch between them changes nothing else. */
export const SCHEME_FIELDS = [
  "cost",
  "scheme",
  "epsilon",
  "relative",
  "maxIterations",
  "tolerance",
  "masses",
  "relaxed",
] as const satisfies readonly (keyof TransportView)[];

/** @throws ConfigError with one line per field. */
export function parseTransportView(json: unknown): TransportView {
  const result = v.safeParse(transportView, withCurrentNames(json));
  if (result.success && result.output.scheme === "multiplicative" && result.output.relaxed !== "none")
    throw new ConfigError([
      "relaxed: the multiplicative loop keeps both marginals; relaxing one needs the log scheme",
    ]);
  if (result.success) return result.output;
  throw new ConfigError(
    result.issues.map((issue) => {
      const path = issue.path?.map((p) => String(p.key)).join(".") || "(top level)";
      return `${path}: ${issueText(issue)}`;
    }),
  );
}
