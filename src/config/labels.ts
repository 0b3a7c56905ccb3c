// What was done to the training rows' answers before a run learns from them: nothing; most of them taken away; or errors put
// into them. Held-out rows are never touched. The rows themselves are made in data/labels.ts.
import * as v from "valibot";
import { count, fraction } from "./fields";

/** Who answers the prompts of the rows that lose their label. */
const REST = ["teacher", "prompts", "none"] as const;

const few = v.strictObject({
  /** So many training rows keep their answers: drawn by data.splitSeed, or without it by the run's seed. */
  few: count(1, 1_000_000),
  /** The others: answered by the teacher before the first step; bare prompts; or left out. */
  rest: v.picklist(REST),
});

const noisy = v.strictObject({
  /** With this probability a step of a chain is wrong, and the chain goes on from the wrong result. Bundled rows alone. */
  noisy: fraction,
});

export type Labels = "all" | v.InferOutput<typeof few> | v.InferOutput<typeof noisy>;

/** By the name that tells the kinds apart in a config; the form offers these. */
export const LABEL_KINDS = {
  all: v.literal("all", 'must be "all", { few, rest } or { noisy }'),
  few,
  noisy,
} as const;
type LabelKind = keyof typeof LABEL_KINDS;

const KINDS = Object.keys(LABEL_KINDS) as LabelKind[]; // keys of a const object

/** Which kind a value is, or is meant to be; what is neither "few" nor "noisy" is judged as "all". */
export const labelKind = (value: unknown): LabelKind =>
  (typeof value === "object" && value !== null && KINDS.find((kind) => Object.hasOwn(value, kind))) || "all";

/** Judged by the kind that was meant, so that an issue names the field that is wrong. */
export const labels = v.lazy<v.GenericSchema<Labels>>((input) => LABEL_KINDS[labelKind(input)]);

/** A kind as it stands when it is chosen: the regimes in docs/OBJECTIVES.md. */
export const LABEL_DEFAULTS: Readonly<Record<LabelKind, Labels>> = {
  all: "all",
  few: { few: 240, rest: "teacher" },
  noisy: { noisy: 0.5 },
};

/** Whether the teacher writes the answers of some training rows. */
export const teacherLabels = (of: Labels): boolean => of !== "all" && "few" in of && of.rest === "teacher";

const RESTS: Readonly<Record<(typeof REST)[number], string>> = {
  teacher: "the teacher answers the others' prompts",
  prompts: "the others are bare prompts",
  none: "the others are left out",
};

/** One line for logs, charts and tables: "Labels: …". */
export function labelsText(of: Labels): string {
  if (of === "all") return "Labels: as the data set has them.";
  if ("noisy" in of)
    return `Labels: each step of a chain is wrong with probability ${of.noisy} and the chain goes on from there; held-out rows are as they were.`;
  return `Labels: ${of.few} training rows keep their answers; ${RESTS[of.rest]}.`;
}
