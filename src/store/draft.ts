// The settings form: a run config being edited. Fields hold the text a person typed, so that a half-typed
// number is neither lost nor silently mended; the config's own parser judges the whole.
import { STABLE_TRANSPORT, PRESETS } from "../config/presets";
import { ConfigError, parseRunConfig, type RunConfig } from "../config/run";

export type PresetId = keyof typeof PRESETS;

/** The settings that the form offers, by their path in the config. */
export const FIELD_PATHS = [
  "method.id",
  "method.kdRate",
  "method.transport.cost",
  "method.transport.epsilon",
  "optimizer.learningRate",
  "steps",
  "batchSize",
  "seed",
  "data.view",
] as const;
export type FieldPath = (typeof FIELD_PATHS)[number];

const TEXT_FIELDS: readonly FieldPath[] = ["method.id", "method.transport.cost", "data.view"];

export interface Draft {
  readonly preset: PresetId | "imported";
  readonly base: RunConfig;
  readonly edits: Readonly<Partial<Record<FieldPath, string>>>;
}

export interface DraftVerdict {
  /** The config, when every field is right. */
  readonly config: RunConfig | undefined;
  readonly issues: Readonly<Partial<Record<FieldPath, string>>>;
  /** Issues of no offered field. */
  readonly others: readonly string[];
  readonly changes: number;
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

/** What the field shows; undefined when the draft has no such field (SFT has no epsilon). */
export function fieldText(draft: Draft, path: FieldPath): string | undefined {
  const value = readPath(assemble(draft), path);
  return draft.edits[path] ?? (value === undefined ? undefined : String(value));
}

export function editDraft(draft: Draft, path: FieldPath, text: string): Draft {
  const edits: Partial<Record<FieldPath, string>> = { ...draft.edits, [path]: text };
  if (text === String(readPath(draft.base, path))) delete edits[path];
  return { ...draft, edits };
}

export function judgeDraft(draft: Draft): DraftVerdict {
  const issues: Partial<Record<FieldPath, string>> = {};
  const others: string[] = [];
  let config: RunConfig | undefined;
  try {
    config = parseRunConfig(assemble(draft));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.issues) {
      const path = FIELD_PATHS.find((candidate) => line.startsWith(`${candidate}: `));
      if (path) issues[path] ??= line.slice(path.length + 2);
      else others.push(line);
    }
  }
  const changes = FIELD_PATHS.filter(
    (path) => fieldText(draft, path) !== fieldText({ ...draft, edits: {} }, path),
  );
  return { config, issues, others, changes: changes.length };
}

export const sameConfig = (a: RunConfig | undefined, b: RunConfig | undefined): boolean =>
  canonical(a) === canonical(b);

/** The config with its edits as JSON; numbers that are not numbers stay wrong for the parser to name. */
function assemble({ base, edits }: Draft): unknown {
  const json: Record<string, unknown> = structuredClone(base);
  const methodId = edits["method.id"];
  if (methodId !== undefined) json["method"] = methodOf(methodId, base);
  for (const path of FIELD_PATHS) {
    const text = edits[path];
    if (text === undefined || path === "method.id" || readPath(json, path) === undefined) continue;
    writePath(json, path, TEXT_FIELDS.includes(path) ? text : toNumber(text));
  }
  return json;
}

function methodOf(id: string, base: RunConfig): unknown {
  if (base.method.id === id) return structuredClone(base.method);
  return id === "cot2align" ? { id, kdRate: 0.5, transport: { ...STABLE_TRANSPORT } } : { id };
}

const toNumber = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

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
  const parent = readPath(json, keys.join(".") || "") ?? json;
  if (last !== undefined && typeof parent === "object") Reflect.set(parent, last, value);
}

/** Key order does not make two configs different. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
