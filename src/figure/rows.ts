// A plan, or any matrix between two token lines, as rows of a table.

/** One row a student token, one column a teacher token, headings on both sides. */
export const matrixRows = (
  rows: readonly string[],
  cols: readonly string[],
  values: Float32Array,
): (string | number)[][] => [
  ["", ...cols],
  ...rows.map((token, i) => [token, ...values.subarray(i * cols.length, (i + 1) * cols.length)]),
];

/** One row a pair with any mass, in reading order. */
export function flowRows(
  rows: readonly string[],
  cols: readonly string[],
  plan: Float32Array,
): (string | number)[][] {
  const flows: (string | number)[][] = [["student", "student token", "teacher", "teacher token", "mass"]];
  plan.forEach((mass, at) => {
    const [row, col] = [Math.floor(at / cols.length), at % cols.length];
    if (mass > 0) flows.push([row, rows[row] ?? "", col, cols[col] ?? "", mass]);
  });
  return flows;
}

/** Columns of equal length under their names; what is no number is left empty. */
export function columnRows(
  head: readonly string[],
  columns: readonly ArrayLike<number | null | undefined>[],
): (string | number)[][] {
  const length = columns[0]?.length ?? 0;
  const cell = (value: number | null | undefined) =>
    typeof value === "number" && Number.isFinite(value) ? value : "";
  return [[...head], ...Array.from({ length }, (_, i) => columns.map((column) => cell(column[i])))];
}
