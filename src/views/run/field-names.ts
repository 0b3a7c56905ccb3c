// What a setting and its choices are called. A method's settings are named on its card (config/methods), the others in
// messages-settings: by their whole path, else by the last part of it, else by their own name in the config.
import { cardOf, METHOD_SETTINGS } from "../../config/run";
import type { GlossaryTerm } from "../../config/glossary";
import { messages } from "../messages";

const { fields, hints, options } = messages.settings;

/** The card's record of a setting; undefined for what is no method's. */
const ofMethod = (path: string) => (path.startsWith("method.") ? METHOD_SETTINGS[lastOf(path)] : undefined);

export const fieldName = (path: string): string =>
  fields[path] ?? ofMethod(path)?.label ?? fields[lastOf(path)] ?? spaced(lastOf(path));

export const fieldHint = (path: string): string =>
  hints[path] ?? ofMethod(path)?.help ?? hints[lastOf(path)] ?? "";

/** The glossary's word for a setting, where it has one. */
export const fieldTerm = (path: string): GlossaryTerm | undefined => TERMS[path] ?? TERMS[lastOf(path)];

const TERMS: Readonly<Record<string, GlossaryTerm>> = {
  "method.id": "method",
  "method.base.id": "baseLoss",
  teacher: "teacher",
  student: "student",
  crossCot: "crossCot",
  cost: "cost",
  epsilon: "epsilon",
  tolerance: "marginalError",
  maxIterations: "sweep",
  projectorLearningRate: "projector",
  projectorInit: "projector",
  "data.view": "view",
  "evaluation.rows": "heldOut",
  "checkpoints.everySteps": "checkpoint",
  gradientCheckpointing: "gradientCheckpointing",
};

const lastOf = (path: string): string => path.split(".").at(-1) ?? path;

/** "maxPrompt" → "Max prompt". */
const spaced = (name: string): string => {
  const words = name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** What a choice is called in its own menu: one word may mean two things in two menus. */
export function optionName(path: string, value: string): string {
  const own = options[`${path} ${value}`];
  if (own !== undefined) return own;
  if (/^method\.(base\.)?id$/.test(path)) return cardOf(value)?.title ?? value;
  return ofMethod(path)?.options?.[value] ?? options[value] ?? value;
}

/** A method in a word, as papers name it. */
export const methodName = (id: string): string => cardOf(id)?.name ?? id;
