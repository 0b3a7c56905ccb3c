// What a caller may write for a problem, as the solvers read it.
import { OtInputError } from "../../ot/check";
import { readProblem } from "../../ot/read-problem";
import type { OtProblem } from "../../ot/types";
import { DEFAULT_SETTINGS } from "../../ot/settings";
import type { OtOptions } from "../../ot/types";
import type { CostKind } from "../../config/transport";

type Row = ArrayLike<number> & Iterable<number>;

/** A problem as lists of rows: sizes follow from the lists. */
export type RowsProblem = {
  /** Masses of the rows and columns; default uniform. */
  readonly a?: Row;
  readonly b?: Row;
  /** Warm start: where f begins. */
  readonly f?: Row;
} & (
  | { readonly cost: readonly Row[] }
  | { readonly x: readonly Row[]; readonly y: readonly Row[]; readonly kind: CostKind }
);

/** @throws OtInputError naming problem and field. */
export function problemsOf(problems: readonly (OtProblem | RowsProblem)[]): OtProblem[] {
  if (!Array.isArray(problems))
    throw new OtInputError(undefined, "problems", "expected a list of problems; one problem is [problem]");
  return problems.map((item: unknown, index) =>
    isFlat(item) ? flat(item, index) : readProblem(item, index),
  );
}

const isFlat = (item: unknown): item is OtProblem => typeof item === "object" && item !== null && "n" in item;

/** `checkProblem` counts and reads the numbers; here is seen that there are lists at all. */
function flat(p: OtProblem, index: number): OtProblem {
  const given: Readonly<Record<string, unknown>> = { ...p };
  const lists = "x" in p || "y" in p ? ["x", "y"] : ["cost"];
  for (const field of [...lists, ...["a", "b", "f"].filter((name) => given[name] !== undefined)]) {
    const list = given[field];
    const numbers = Array.isArray(list) || (ArrayBuffer.isView(list) && "length" in list);
    if (!numbers) throw new OtInputError(index, field, `expected an array of numbers, got ${kindOf(list)}`);
  }
  return p;
}

const kindOf = (value: unknown): string => (value === null ? "null" : typeof value);

const NAMES = [...Object.keys(DEFAULT_SETTINGS), "gradient", "divergence", "history", "kernels"];

/** Settings without what is undefined. @throws RangeError for a name that no setting has. */
export function optionsOf(settings: OtOptions): OtOptions {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const unknown = given.find(([name]) => !NAMES.includes(name));
  if (unknown)
    throw new RangeError(
      `there is no setting ${JSON.stringify(unknown[0])}; settings are ${NAMES.join(", ")}`,
    );
  return Object.fromEntries(given);
}
