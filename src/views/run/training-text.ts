// What a run trains, in one line, and what would change: the words on the button that starts it.
import type { RunConfig } from "../../config/run";
import type { RunFacts } from "../../telemetry";
import { count } from "../format";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { fieldName, methodName, optionName } from "./field-names";

/** A model or rows by name alone: their marks and revisions stand in the settings. */
const plainTitle = (name: string): string =>
  modelTitle(name)
    .replace(/ @\w+/, "")
    .replace(/, [\d.]+ M$/, "");

export interface Part {
  readonly key: "teacher" | "student" | "rows" | "method";
  /** What stands before it. */
  readonly before: string;
  readonly text: string;
  /** Numbers that are known of it. */
  readonly after: string;
  /** It is not the loaded run's. */
  readonly changed: boolean;
}

/** teacher → student · rows · method. */
export function partsOf(
  config: RunConfig | undefined,
  loaded: RunConfig | undefined,
  facts: RunFacts | undefined,
): Part[] {
  if (!config) return [];
  const part = (key: Part["key"], before: string, read: (of: RunConfig) => string, after = ""): Part => {
    const text = read(config);
    return { key, before, text, after, changed: loaded !== undefined && read(loaded) !== text };
  };
  return [
    part("teacher", "", ({ teacher }) => plainTitle(teacher)),
    part("student", " → ", ({ student }) => plainTitle(student)),
    part(
      "rows",
      ` · ${messages.run.rows} `,
      ({ data }) => rowsTitle(data.source),
      facts && messages.run.rowCounts(count(facts.rows), count(facts.heldOut)),
    ),
    part("method", " · ", ({ method }) => methodName(method.id)),
  ];
}

const rowsTitle = (source: string): string => plainTitle(source).replace(/, bundled$/, "");

type Change = { readonly path: string; readonly text: string };
const NAMED = ["teacher", "student", "data.source"];
/** More of them are counted, not listed. */
const MOST = 2;

/** "my-gpt2 · myrows.jsonl", "Seed 11 · Steps 77", "Seed 11 · 4 other settings". */
export function changesText(changes: readonly Change[]): string {
  const rank = ({ path }: Change) => (NAMED.includes(path) ? 0 : path === "method.id" ? 1 : 2);
  // What a choice of method brings with it is said by the method.
  const method = changes.some(({ path }) => path === "method.id");
  const own = changes.filter(({ path }) => !method || !/^method\.(?!id$)/.test(path));
  const ranked = own.toSorted((a, b) => rank(a) - rank(b));
  const shown = ranked.slice(0, ranked.length > MOST + 1 ? MOST : MOST + 1);
  const rest = ranked.length - shown.length;
  const words = shown.map(({ path, text }) => {
    if (path === "data.source") return rowsTitle(text);
    if (NAMED.includes(path)) return plainTitle(text);
    if (path === "method.id") return methodName(text);
    return `${fieldName(path)} ${optionName(path, text)}`;
  });
  return [...words, ...(rest > 0 ? [messages.run.otherSettings(rest)] : [])].join(" · ");
}
