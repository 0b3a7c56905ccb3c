// The case that `couplet objective` reads: JSON to tensors, labels and settings. Every complaint names its field.
import { isRecord } from "../base/json";
import { messageOf } from "../base/errors";
import * as v from "valibot";
import type { DistillationCard, Setting } from "../config/methods/card";
import { DISTILLATION_CARDS, type DistillationId } from "../config/run";
import { COST_KINDS, type CostKind, PUBLISHED, PUBLISHED_ALPHA } from "../config/transport";
import type { Matrix } from "../objectives";
import type { EndPair, TokenProjection } from "../data";
import { parseJson } from "./json";
import {
  type Group,
  MEANS,
  readEnds,
  readGroups,
  readProjection,
  STUDENT_POSITIONS,
} from "./objective-chunks";
import { CaseError } from "./objective-error";

export { CaseError };

/** Every method with a card, and transport on its own. */
export const METHODS: readonly CaseSettings["method"][] = [
  "sft",
  ...DISTILLATION_CARDS.map(({ id }) => id),
  "ot",
  "cot2align",
];
const BASES: readonly DistillationId[] = DISTILLATION_CARDS.filter(({ canBeBase }) => canBeBase).map(
  ({ id }) => id,
);
const MASKS = ["intended", "as_published"] as const;
const REDUCTIONS = ["sum", "total"] as const;
const MEAN_REDUCTIONS = ["mean", "total"] as const;

export interface CaseSettings {
  readonly method: "sft" | DistillationId | "ot" | "cot2align";
  readonly base: DistillationId | undefined;
  /** The distillation term of the method or of its base, with all of its settings. */
  readonly term: { readonly id: DistillationId } | undefined;
  readonly kdRate: number;
  readonly cost: CostKind;
  readonly alpha: number;
  readonly maxIterations: number;
  readonly masks: (typeof MASKS)[number];
  readonly reduction: (typeof REDUCTIONS)[number] | (typeof MEAN_REDUCTIONS)[number];
}

/** A tensor as it came: nested lists of this shape, flat. */
export interface CaseTensor extends Matrix {
  readonly shape: readonly number[];
}

/** Labels [B, L]; −100 is no response position. */
export interface CaseLabels {
  readonly B: number;
  readonly L: number;
  readonly labels: Int32Array;
  readonly ids: Int32Array | undefined;
}

export interface CaseView {
  readonly student: CaseLabels;
  readonly teacher: CaseLabels;
}

export interface Case {
  readonly settings: CaseSettings;
  readonly tensors: ReadonlyMap<string, CaseTensor>;
  readonly main: CaseView;
  readonly plain: CaseView | undefined;
  readonly tokens: Readonly<Partial<Record<"student" | "teacher", readonly string[]>>>;
  readonly spaces: Readonly<Record<"student" | "teacher", string>>;
  readonly denominator: number | undefined;
  /** Chunks that are given instead of aligned: per sample, ranges of its response labels on either side. */
  readonly groups: readonly (readonly Group[])[] | undefined;
  /** Teacher tokens of each student token, instead of building them from the two vocabularies. */
  readonly projection: TokenProjection | undefined;
  readonly ends: readonly EndPair[];
}

type Json = Readonly<Record<string, unknown>>;

const VIEW_TENSOR = /^([st])_(logits|hid|emb|layer_\d+|logits_same)(_raw)?$/;
const TABLES = ["Ws", "Wt", "Es", "Et"];
const PROJECTOR = /^(t2s|s2t|query|ot)\.(weight|bias)$/;
export const NO_RESPONSE = -100;

/** @throws CaseError for the first thing that is wrong. */
export function readCase(text: string): Case {
  const file = parse(text);
  const tensors = new Map<string, CaseTensor>();
  for (const [field, value] of Object.entries(file)) {
    if (value === null || value === undefined) continue;
    const depth = VIEW_TENSOR.test(field) ? 3 : TABLES.includes(field) ? 2 : projectorDepth(field);
    if (depth > 0) tensors.set(field, readTensor(field, value, depth));
  }
  const settings = readSettings(file);
  const alone = STUDENT_POSITIONS.has(settings.method);
  if (alone) [...tensors.keys()].filter(ofTeacher).forEach((field) => tensors.delete(field));
  const seen = alone ? { ...file, label_t: undefined, ids_t: undefined, groups: undefined } : file;
  const main = readView(seen, "", tensors, alone || ONE_SIDED.has(settings.base ?? settings.method));
  const transported = settings.method === "ot" || settings.method === "cot2align";
  const states = [...tensors.keys()].find((field) => /^[st]_(hid|emb)_raw$/.test(field));
  if (transported && states && !present(file, "label_s_raw") && !present(file, "label_t_raw"))
    throw new CaseError("label_s_raw", `missing beside ${states}`);
  const raw = ["label_s_raw", "label_t_raw"].filter((field) => present(file, field));
  if (raw.length === 1)
    throw new CaseError(raw[0] === "label_s_raw" ? "label_t_raw" : "label_s_raw", "missing beside " + raw[0]);
  return {
    settings,
    tensors,
    main,
    plain: raw.length === 2 ? readView(file, "_raw", tensors) : undefined,
    tokens: {
      ...tokenList(file, "student_tokens", "student"),
      ...tokenList(file, "teacher_tokens", "teacher"),
    },
    spaces: { student: string(file, "student_space", "Ġ"), teacher: string(file, "teacher_space", "▁") },
    denominator: present(file, "batch_denom") ? number(file, "batch_denom", 1, positive) : undefined,
    groups: present(seen, "groups") ? readGroups(file["groups"]) : undefined,
    projection: present(file, "w") ? readProjection(file["w"]) : undefined,
    ends: present(file, "ends") ? readEnds(file["ends"]) : [],
  };
}

/** What a method that reads the student's positions alone does not look at. */
const ofTeacher = (field: string): boolean => field.startsWith("t_") && field !== "t_logits_same";

const present = (file: Json, field: string): boolean => file[field] !== undefined && file[field] !== null;
const projectorDepth = (field: string): number =>
  PROJECTOR.test(field) ? (field.endsWith(".bias") ? 1 : 2) : 0;

function parse(text: string): Json {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new CaseError("file", `is not JSON: ${messageOf(error)}`);
  }
  if (!isRecord(value)) throw new CaseError("file", "expected an object with tensors, labels and objective");
  return value;
}

function readSettings(file: Json): CaseSettings {
  const given = file["objective"];
  if (!isRecord(given)) throw new CaseError("objective", "expected an object with method");
  const at = (field: string) => `objective.${field}`;
  const of = <T extends string>(field: string, choices: readonly T[], fallback?: T): T =>
    oneOf(given, field, choices, fallback, at(field));
  const num = (field: string, fallback: number, ok: Range) => number(given, field, fallback, ok, at(field));
  const method = of("method", METHODS);
  const base = method === "cot2align" && present(given, "base") ? of("base", BASES) : undefined;
  const card = DISTILLATION_CARDS.find(({ id }) => id === (base ?? method));
  return {
    method,
    base,
    term: card && readTerm(card, given),
    kdRate: num("kdRate", 0.5, unit),
    cost: of("cost", COST_KINDS, PUBLISHED.cost),
    alpha: num("alpha", PUBLISHED_ALPHA, positive),
    maxIterations: num("maxIterations", PUBLISHED.maxIterations, iterations),
    masks: of("masks", MASKS, "intended"),
    reduction: MEANS.has(method)
      ? of("reduction", MEAN_REDUCTIONS, "mean")
      : of("reduction", REDUCTIONS, "sum"),
  };
}

/** What a case means where it leaves a setting out and the card's default is for other uses. */
const CASE_DEFAULTS: Readonly<Record<string, unknown>> = {
  divergence: "forward_kl",
  tokenMatch: "spelling", // a case gives tokens as they are spelled
  debias: false,
};

/** The settings that the card names, each given or at its default. @throws CaseError naming the first that is wrong. */
function readTerm(card: DistillationCard, given: Json): { readonly id: DistillationId } {
  const settings = Object.entries(card.settings).map(([name, setting]): [string, unknown] => {
    const fallback = CASE_DEFAULTS[name] ?? setting.default;
    // null is a value where the setting takes it, and else as if it were left out.
    const nullable = given[name] === null && v.is(setting.schema, null);
    const value = nullable ? null : (given[name] ?? fallback);
    const result = v.safeParse(setting.schema, value);
    if (result.success) return [name, result.output];
    throw new CaseError(`objective.${name}`, complaint(setting, result.issues[0].message, value));
  });
  return { id: card.id as DistillationId, ...Object.fromEntries(settings) }; // every distillation card's id is one
}

function complaint({ options }: Setting, message: string, value: unknown): string {
  const must =
    options === undefined
      ? message.replace(/^Invalid type: Expected (\S+).*$/, "must be a $1").replace("greater than", "above")
      : `must be one of ${Object.keys(options).join(", ")}`;
  return `${must}, got ${JSON.stringify(value)}`;
}

/** Methods that read the student's positions alone, or the same positions of both: label_t may be left out. */
const ONE_SIDED: ReadonlySet<string> = new Set(["sft", "kd", "dskd"]);

/** The labels of one view, and the check that its tensors have their shape. */
function readView(
  file: Json,
  suffix: string,
  tensors: ReadonlyMap<string, CaseTensor>,
  oneSided = false,
): CaseView {
  const side = (letter: "s" | "t"): CaseLabels => {
    const given = `label_${letter}${suffix}`;
    const field = oneSided && !present(file, given) ? `label_s${suffix}` : given;
    if (!present(file, field)) throw new CaseError(field, "missing");
    const labels = readTensor(field, file[field], 2);
    const [B = 0, L = 0] = labels.shape;
    const idsField = `ids_${letter}${suffix}`;
    const ids = present(file, idsField) ? readTensor(idsField, file[idsField], 2) : undefined;
    if (ids) sameShape(idsField, ids.shape, [B, L], field);
    for (const [name, { shape }] of tensors) {
      const [, owner, kind, raw = ""] = VIEW_TENSOR.exec(name) ?? [];
      // A teacher with the student's tokenizer is read at the student's positions.
      const of = kind === "logits_same" ? "s" : owner;
      if (of === letter && raw === suffix) sameShape(name, shape.slice(0, 2), [B, L], field);
    }
    whole(field, labels.data, NO_RESPONSE);
    if (ids) whole(idsField, ids.data, 0);
    return { B, L, labels: Int32Array.from(labels.data), ids: ids && Int32Array.from(ids.data) };
  };
  const view = { student: side("s"), teacher: side("t") };
  if (view.student.B !== view.teacher.B)
    throw new CaseError(
      `label_t${suffix}`,
      `holds ${view.teacher.B} samples, label_s${suffix} ${view.student.B}`,
    );
  return view;
}

function whole(field: string, values: Float32Array, least: number): void {
  const odd = values.findIndex((x) => !Number.isInteger(x) || (x < 0 && x !== least));
  if (odd >= 0)
    throw new CaseError(field, `expected token ids from 0, or −100 in labels, got ${values[odd]}`);
}

export function sameShape(
  field: string,
  got: readonly number[],
  want: readonly number[],
  like: string,
): void {
  if (got.join() !== want.join())
    throw new CaseError(field, `has shape [${got.join(", ")}…], ${like} says [${want.join(", ")}…]`);
}

/** Nested lists of one depth, not ragged, not empty, finite. */
function readTensor(field: string, value: unknown, depth: number): CaseTensor {
  const shape: number[] = [];
  const flat: number[] = [];
  const walk = (part: unknown, level: number, path: string): void => {
    if (level === depth) {
      if (typeof part !== "number" || !Number.isFinite(Math.fround(part)))
        throw new CaseError(field, `expected finite numbers, got ${JSON.stringify(part)} at ${path}`);
      flat.push(part);
      return;
    }
    if (!Array.isArray(part) || part.length === 0)
      throw new CaseError(
        field,
        `expected lists nested ${depth} deep, none of them empty; not so at ${path || "the top"}`,
      );
    shape[level] ??= part.length;
    if (part.length !== shape[level])
      throw new CaseError(
        field,
        `ragged: ${path || "the top"} holds ${part.length} entries, others ${shape[level]}`,
      );
    part.forEach((inner, i) => walk(inner, level + 1, `${path}[${i}]`));
  };
  walk(value, 0, "");
  const cols = shape.at(-1) ?? 1;
  return { shape, rows: flat.length / cols, cols, data: Float32Array.from(flat) };
}

function tokenList(file: Json, field: string, side: "student" | "teacher") {
  if (!present(file, field)) return {};
  const list = file[field];
  if (!Array.isArray(list) || !list.every((token) => typeof token === "string"))
    throw new CaseError(field, "expected a list of strings, the tokens by id");
  return { [side]: list as string[] }; // just checked
}

interface Range {
  readonly words: string;
  ok(x: number): boolean;
}
const positive: Range = { words: "a number above 0", ok: (x) => x > 0 };
const unit: Range = { words: "a number from 0 to 1", ok: (x) => x >= 0 && x <= 1 };
const iterations: Range = {
  words: "a whole number from 1 to 100000",
  ok: (x) => Number.isInteger(x) && x >= 1 && x <= 1e5,
};

function number(file: Json, field: string, fallback: number, range: Range, name = field): number {
  const value = file[field] ?? fallback;
  if (typeof value === "number" && Number.isFinite(value) && range.ok(value)) return value;
  throw new CaseError(name, `must be ${range.words}, got ${JSON.stringify(value)}`);
}

function string(file: Json, field: string, fallback: string): string {
  const value = file[field] ?? fallback;
  if (typeof value === "string") return value;
  throw new CaseError(field, `must be text, got ${JSON.stringify(value)}`);
}

function oneOf<T extends string>(
  file: Json,
  field: string,
  choices: readonly T[],
  fallback: T | undefined,
  name: string,
): T {
  const value = file[field] ?? fallback;
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  const got = value === undefined ? "nothing" : JSON.stringify(value);
  throw new CaseError(name, `must be one of ${choices.join(", ")}, got ${got}`);
}
