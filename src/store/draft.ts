// The settings form: a run config being edited. Fields hold the text a person typed, so that a half-typed
// number is neither lost nor silently mended; the config's own parser judges the whole.
import { formFields, variantDefault, type FormField } from "../config/form";
import { PRESETS } from "../config/presets";
import { ConfigError, parseRunConfig, type RunConfig } from "../config/run";

export type PresetId = keyof typeof PRESETS;
export type { FormField };

export interface Draft {
  readonly preset: PresetId | "imported";
  readonly base: RunConfig;
  /** What was typed, by the setting's path in the config. */
  readonly edits: Readonly<Record<string, string>>;
}

export interface DraftVerdict {
  /** The config, when every field is right. */
  readonly config: RunConfig | undefined;
  readonly issues: Readonly<Record<string, string>>;
  /** Issues of no offered field. */
  readonly others: readonly string[];
  /** Paths whose text differs from the preset's; what the preset does not have comes with the choice that brought it. */
  readonly changed: readonly string[];
}

export const draftOf = (preset: PresetId): Draft => ({ preset, base: PRESETS[preset].config, edits: {} });

/** A draft without edits; named after the preset that it equals, if any. */
export function draftFor(config: RunConfig): Draft {
  const ids = Object.keys(PRESETS) as PresetId[]; // keys of a const object
  return {
    preset: ids.find((id) => sameConfig(PRESETS[id].config, config)) ?? "imported",
    base: config,
    edits: {},
  };
}

/** Every setting that the draft has: which there are depends on the method. */
export const draftFields = memoized((draft: Draft): FormField[] => formFields(assemble(draft)));

/** What the field shows; undefined when the draft has no such field (SFT has no epsilon). */
export function fieldText(draft: Draft, path: string): string | undefined {
  const value = readPath(assemble(draft), path);
  if (value === undefined) return undefined;
  return draft.edits[path] ?? textOf(value);
}

/** What the preset, or the imported config, says there. */
export const baseText = (draft: Draft, path: string): string | undefined =>
  fieldText(unedited(draft.base), path);

export function editDraft(draft: Draft, path: string, text: string): Draft {
  const edits: Record<string, string> = { ...draft.edits, [path]: text };
  const before = readPath(draft.base, path);
  if (before !== undefined && text === textOf(before)) delete edits[path];
  return { ...draft, edits };
}

export const validateDraft = memoized(judge);

function judge(draft: Draft): DraftVerdict {
  const issues: Record<string, string> = {};
  const others: string[] = [];
  const fields = draftFields(draft);
  let config: RunConfig | undefined;
  try {
    config = parseRunConfig(assemble(draft));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.issues) {
      const field = fields.find(({ path }) => line.startsWith(`${path}: `));
      if (field) issues[field.path] ??= line.slice(field.path.length + 2);
      else others.push(line);
    }
  }
  const changed = fields
    .map(({ path }) => path)
    .filter((path) => ![undefined, fieldText(draft, path)].includes(baseText(draft, path)));
  return { config, issues, others, changed };
}

export const sameConfig = (a: RunConfig | undefined, b: RunConfig | undefined): boolean =>
  a === b || canonical(a) === canonical(b);

/** Drafts never change, and every field of the form asks about the same one: each answer is worked out once. */
function memoized<K extends object, T>(work: (of: K) => T): (of: K) => T {
  const known = new WeakMap<K, T>();
  return (of) => {
    let answer = known.get(of);
    if (answer === undefined) known.set(of, (answer = work(of)));
    return answer;
  };
}

const unedited = memoized((base: RunConfig): Draft => ({ preset: "imported", base, edits: {} }));

/** The config with its edits as JSON; numbers that are not numbers stay wrong for the parser to name. */
const assemble = memoized(assembled);

function assembled({ base, edits }: Draft): unknown {
  const json: Record<string, unknown> = structuredClone(base);
  // A choice of kind brings its other settings, so it goes before them; outer ones before inner ones.
  for (;;) {
    const field = formFields(json).find(
      ({ path, variant }) =>
        variant && edits[path] !== undefined && textOf(readPath(json, path)) !== edits[path],
    );
    if (!field) break;
    const id = edits[field.path] ?? "";
    if (!field.options.includes(id)) break;
    const parent = field.replaces ?? "";
    const before = readPath(base, field.path);
    const kept = before !== undefined && textOf(before) === id ? readPath(base, parent) : undefined;
    writePath(json, parent, kept === undefined ? variantDefault(field.path, id) : structuredClone(kept));
  }
  for (const { path, kind, variant } of formFields(json)) {
    const text = edits[path];
    if (text !== undefined && !variant) writePath(json, path, valueOf(kind, text));
  }
  return json;
}

function valueOf(kind: FormField["kind"], text: string): unknown {
  switch (kind) {
    case "number":
      return text.trim() === "" ? Number.NaN : Number(text);
    case "switch":
      return text === "true";
    case "list":
      return listOf(text);
    default:
      return text;
  }
}

/** Names with commas between them; a list of anything else as JSON. */
function listOf(text: string): unknown {
  if (!text.trim().startsWith("[")) return text.split(/[\s,]+/).filter(Boolean);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text; // no list, as the parser will say
  }
}

/** Of a record, which kind it is: the name of its first field ({ few, rest }, { noisy }). */
function textOf(value: unknown): string {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.keys(value)[0] ?? "";
  if (!Array.isArray(value)) return String(value);
  return value.some((item) => typeof item === "object") ? JSON.stringify(value) : value.join(", ");
}

function readPath(json: unknown, path: string): unknown {
  let value = json;
  for (const key of path.split(".")) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function writePath(json: object, path: string, value: unknown): void {
  const keys = path.split(".");
  const last = keys.pop();
  const parent = keys.length === 0 ? json : readPath(json, keys.join("."));
  if (last !== undefined && typeof parent === "object" && parent !== null) Reflect.set(parent, last, value);
}

/** Key order does not make two configs different. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
