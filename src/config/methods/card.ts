// A method's card: everything about it that is no mathematics, in one record. The run config's schema, the forms and menus,
// presets, tables, the command line and docs/OBJECTIVES.md are derived from it. The mathematics is the file of the same name in
// src/objectives.
import * as v from "valibot";

/** One setting of a method, or of transport. */
export interface Setting<Schema extends v.GenericSchema = v.GenericSchema> {
  readonly schema: Schema;
  /** The paper's, or that of the peer's code: see the card's `source`. */
  readonly default: v.InferOutput<Schema>;
  /** As the settings form calls it. */
  readonly label: string;
  readonly help?: string;
  /** Of a choice: what its options are called. */
  readonly options?: Readonly<Record<string, string>>;
}

export type Settings = Readonly<Record<string, Setting>>;
type Texts = Omit<Setting, "schema" | "default">;

export const setting = <Schema extends v.GenericSchema>(
  schema: Schema,
  value: v.InferOutput<Schema>,
  texts: Texts,
): Setting<Schema> => ({ schema, default: value, ...texts });

export type Entries<S extends Settings> = { readonly [K in keyof S]: S[K]["schema"] };
export type Values<S extends Settings> = { -readonly [K in keyof S]: v.InferOutput<S[K]["schema"]> };

/** The settings as entries of a schema. */
export const entriesOf = <S extends Settings>(settings: S): Entries<S> =>
  Object.fromEntries(Object.entries(settings).map(([name, { schema }]) => [name, schema])) as Entries<S>; // the same keys

/** Every setting at its default; a fresh copy. */
export const defaultsOf = <S extends Settings>(settings: S): Values<S> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, { default: value }]) => [name, structuredClone(value)]),
  ) as Values<S>; // the same keys

/** How a term of the loss is named and drawn: a colour of the palette, and a dash for those who see no colours. */
export interface TermCard {
  readonly label: string;
  readonly color: "ce" | "kd" | "ot-embedding" | "ot-hidden";
  readonly mark: "solid" | "dashed" | "dotted" | "dash-dot";
}

export interface MethodCard<Id extends string = string, S extends Settings = Settings> {
  readonly id: Id;
  /** As papers name it: "DSKD-CMA". */
  readonly name: string;
  /** In menus and tables: the name and what it does. */
  readonly title: string;
  /** One sentence for a person who meets it for the first time. */
  readonly explain: string;
  /** Where it is from. */
  readonly paper: string;
  /** Of docs/METHODS.md, where its equations stand: "3". */
  readonly section: string;
  /** Beside its share of the loss. */
  readonly settings: S;
  /** Where the defaults are from. */
  readonly source: string;
  /** `one`: pairs position with position, so both models must share a tokenizer. */
  readonly tokenizers: "any" | "one";
  /** How many views of a row it may read: with a chain of thought, and the plain one. */
  readonly views: 1 | 2;
  /** What it asks of the teacher, in words. */
  readonly asks: string;
  /** The parts of its loss by their names in the log. */
  readonly terms: Readonly<Record<string, TermCard>>;
}

/** A method that is cross entropy and one distillation term. */
export interface DistillationCard<
  Id extends string = string,
  S extends Settings = Settings,
> extends MethodCard<Id, S> {
  /** Whether CoT2Align's transport may stand on it. */
  readonly canBeBase: boolean;
  readonly preset: {
    /** In links and the command line. */
    readonly id: string;
    /** Where it is not the card's. */
    readonly title?: string;
    /** Where the method does not work between the bundled models. */
    readonly teacher?: string;
    /** The method is for answers that the student writes. */
    readonly onPolicy?: boolean;
  };
}

/** Keeps the literal id and the settings' own types. */
export const distillationCard = <
  const Id extends string,
  const S extends Settings,
  const Preset extends DistillationCard["preset"],
>(
  card: DistillationCard<Id, S> & { readonly preset: Preset },
): DistillationCard<Id, S> & { readonly preset: Preset } => card;

/** The usual look of a distillation term. */
export const distilled = (label: string, mark: TermCard["mark"] = "dashed"): TermCard => ({
  ...{ label, mark },
  color: "kd",
});

/** Cross entropy, which every method has. */
export const CROSS_ENTROPY: TermCard = { label: "CE", color: "ce", mark: "solid" };
