// A problem as people write it, rows as lists, to the flat arrays of a solver. Every complaint names the problem and the field.
import { isRecord } from "../base/json";
import { COST_KINDS, type CostKind } from "../config/transport";
import { OtInputError } from "./check";
import type { OtProblem } from "./types";

/** @throws OtInputError for the first thing that is wrong. */
export function readProblem(item: unknown, index: number): OtProblem {
  if (!isRecord(item)) throw wrong("problem", "expected an object with cost, or with x, y and kind", index);
  const marginals = {
    ...(item["a"] === undefined ? {} : { a: list(item["a"], "a", index) }),
    ...(item["b"] === undefined ? {} : { b: list(item["b"], "b", index) }),
    ...(item["f"] === undefined ? {} : { f: list(item["f"], "f", index) }),
  };
  if (item["cost"] !== undefined) {
    const cost = matrix(item["cost"], "cost", index);
    return { n: cost.rows, m: cost.width, cost: cost.values, ...marginals };
  }
  if (item["x"] === undefined && item["y"] === undefined)
    throw wrong("cost", "missing; give cost, or x, y and kind", index);
  const x = matrix(item["x"], "x", index);
  const y = matrix(item["y"], "y", index);
  if (x.width !== y.width) throw wrong("y", `rows are ${y.width} wide, those of x ${x.width}`, index);
  const kind = COST_KINDS.find((k): k is CostKind => k === item["kind"]);
  if (!kind)
    throw wrong(
      "kind",
      `expected one of ${COST_KINDS.join(", ")}, got ${JSON.stringify(item["kind"])}`,
      index,
    );
  return { n: x.rows, m: y.rows, d: x.width, x: x.values, y: y.values, kind, ...marginals };
}

function matrix(value: unknown, field: string, index: number) {
  if (!Array.isArray(value) || value.length === 0) throw wrong(field, "expected a list of rows", index);
  const rows = value.map((row: unknown, i) => {
    if (!isList(row) || row.length === 0)
      throw wrong(field, `row ${i} is not a list of at least one number`, index);
    return list(row, field, index);
  });
  const width = rows[0]?.length ?? 0;
  const ragged = rows.findIndex((row) => row.length !== width);
  if (ragged >= 0)
    throw wrong(field, `ragged: row ${ragged} holds ${rows[ragged]?.length} numbers, row 0 ${width}`, index);
  return { rows: rows.length, width, values: Float64Array.from(rows.flatMap((row) => [...row])) };
}

function list(value: unknown, field: string, index: number): Float64Array {
  if (!isList(value)) throw wrong(field, "expected a list of numbers", index);
  return Float64Array.from(value, (x: unknown, i) => {
    if (typeof x === "number" && Number.isFinite(x)) return x;
    throw wrong(field, `expected finite numbers, got ${String(x)} at ${i}`, index);
  });
}

/** A list or a typed array. */
const isList = (value: unknown): value is ArrayLike<unknown> & Iterable<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

const wrong = (field: string, detail: string, problem: number): OtInputError =>
  new OtInputError(problem, field, detail);
