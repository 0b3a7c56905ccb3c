// The settings form, read off the run config's own schema: a method or setting that is added there appears here.
import { LABEL_DEFAULTS, LABEL_KINDS, labelKind } from "./labels";
import { DISTILLATION_CARDS, isOnPolicy, methodDefaults, runConfig, termDefaults } from "./run";

export interface FormField {
  readonly path: string;
  readonly kind: "number" | "choice" | "switch" | "text" | "list";
  /** Of a choice; empty otherwise. */
  readonly options: readonly string[];
  /** A choice of this field changes which other fields there are. */
  readonly variant: boolean;
  /** Of a variant: what a choice replaces; the path itself where the choice is no field beside the others. */
  readonly replaces?: string;
}

/** As much of a valibot schema as a form needs. */
interface Schema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly options?: readonly unknown[];
  readonly key?: string;
  readonly wrapped?: Schema;
  readonly default?: unknown;
  readonly literal?: unknown;
  readonly pipe?: readonly Schema[];
  readonly requirement?: unknown;
}

const root = runConfig as unknown as Schema; // valibot's types hide what its objects say openly
/** Nothing to choose: part of every config, or set by a comparison over seeds. */
const FIXED = ["version", "data.splitSeed", "rollout.seed"];

/** The fields of a config, in the schema's order; those of rollouts where the student writes. */
export function formFields(config: unknown): FormField[] {
  const outputs = read(read(config, "data"), "outputs");
  const unread = ({ path }: FormField): boolean =>
    FIXED.includes(path) ||
    (path.startsWith("rollout.") && !isOnPolicy({ outputs: String(outputs) })) ||
    (/^rollout\.lambda/.test(path) && outputs !== "mix");
  return fieldsOf(root, config, "").filter((field) => !unread(field));
}

function fieldsOf(schema: Schema, value: unknown, path: string): FormField[] {
  const at = unwrap(schema);
  const own = (kind: FormField["kind"], options: readonly string[] = []): FormField[] => [
    { path, kind, options, variant: false },
  ];
  switch (at.type) {
    case "strict_object":
      return Object.entries(at.entries ?? {}).flatMap(([key, inner]) =>
        unwrap(inner).type === "literal" ? [] : fieldsOf(inner, read(value, key), join(path, key)),
      );
    case "variant": {
      const key = at.key ?? "id";
      const chosen = optionOf(at, read(value, key));
      const options = variantIds(at);
      const field: FormField = {
        ...{ path: join(path, key), kind: "choice", options, variant: true },
        replaces: path,
      };
      return [field, ...(chosen ? fieldsOf(chosen, value, path) : [])];
    }
    case "lazy": // data.labels alone: which kind it is decides what it holds
      return [
        { ...{ path, kind: "choice", options: Object.keys(LABEL_KINDS), variant: true }, replaces: path },
        ...(labelKind(value) === "all" ? [] : fieldsOf(LABEL_KINDS[labelKind(value)], value, path)),
      ];
    case "picklist":
      return own("choice", (at.options ?? []).map(String));
    case "boolean":
      return own("switch", ["true", "false"]);
    case "number":
      return own("number");
    case "array":
      return own("list");
    default:
      return own("text");
  }
}

/** The value of a variant's branch with every setting at its default. */
export function variantDefault(path: string, id: string): unknown {
  if (path === "method.id") return methodDefaults(id);
  if (path === "data.labels") return structuredClone(LABEL_DEFAULTS[id as keyof typeof LABEL_DEFAULTS]);
  if (path === "method.base.id") {
    const card = DISTILLATION_CARDS.find((known) => known.id === id);
    return card ? termDefaults(card) : { id };
  }
  const keys = path.split(".");
  const key = keys.pop() ?? "";
  const variant = keys.reduce<Schema>((at, name) => unwrap(branchWith(unwrap(at), name)), root);
  const branch = variant.key === key ? optionOf(variant, id) : undefined;
  if (!branch) throw new RangeError(`${path} has no choice "${id}"`);
  return defaultOf(branch, key);
}

/** The entry of that name, in an object or in the first branch that has it. */
function branchWith(schema: Schema, name: string): Schema {
  const branches = schema.type === "variant" ? (schema.options as readonly Schema[]) : [schema];
  const found = branches.map((branch) => branch.entries?.[name]).find((entry) => entry !== undefined);
  if (!found) throw new RangeError(`the config has no setting "${name}"`);
  return found;
}

/** Of adapters; methods have their cards. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  rank: 8,
  alpha: 16,
  targets: ["q_proj", "v_proj"],
};

function defaultOf(schema: Schema, name: string): unknown {
  if (schema.default !== undefined) return structuredClone(schema.default);
  if (name in DEFAULTS) return structuredClone(DEFAULTS[name]);
  switch (schema.type) {
    case "strict_object":
      return Object.fromEntries(
        Object.entries(schema.entries ?? {}).map(([key, inner]) => [key, defaultOf(inner, key)]),
      );
    case "variant":
      return defaultOf(optionOf(schema, variantIds(schema)[0]) ?? schema, name);
    case "literal":
      return schema.literal;
    case "picklist":
      return schema.options?.[0];
    case "boolean":
      return false;
    case "number":
      return leastOf(schema);
    case "array":
      return [];
    default:
      return unwrap(schema) === schema ? "" : defaultOf(unwrap(schema), name);
  }
}

/** The smallest number that a pipe admits, or 1. */
function leastOf({ pipe = [] }: Schema): number {
  const least = pipe.find(({ type }) => type === "min_value")?.requirement;
  return typeof least === "number" && least > 0 ? least : 1;
}

const variantIds = (variant: Schema): string[] =>
  ((variant.options ?? []) as readonly Schema[]).map((option) =>
    String(option.entries?.[variant.key ?? ""]?.literal),
  );

const optionOf = (variant: Schema, id: unknown): Schema | undefined =>
  ((variant.options ?? []) as readonly Schema[]).find(
    (option) => option.entries?.[variant.key ?? ""]?.literal === id,
  );

const unwrap = (schema: Schema): Schema => (schema.wrapped ? unwrap(schema.wrapped) : schema);
const join = (path: string, key: string): string => (path ? `${path}.${key}` : key);

function read(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
