// What separates the cells of a table: said by a first line "sep=;", or the one that cuts header and rows alike.
import { isKnownColumn } from "./column-names";
import { createTableReader } from "./table";

const SEPARATORS = [",", ";", "\t", "|"] as const;
export type Separator = (typeof SEPARATORS)[number];

export const SEPARATOR_NAMES: Readonly<Record<string, string>> = {
  ",": "commas",
  ";": "semicolons",
  "\t": "tabs",
  "|": '"|"',
};

export interface Cut {
  readonly separator: string;
  /** Of the text: the line that names the separator. */
  readonly skip: number;
  /** The file says so itself. */
  readonly said: boolean;
}

const SAID = /^"?sep=([^\r\n])"?[ \t]*(\r\n|\n|\r|$)/i;
const ROWS = 30;

/** @param preferred where two cut equally well, or nothing cuts at all. */
export function findSeparator(head: string, preferred: Separator): Cut {
  const said = SAID.exec(head);
  if (said?.[1] !== undefined) return { separator: said[1], skip: said[0].length, said: true };
  const order = [preferred, ...SEPARATORS.filter((one) => one !== preferred)];
  let best: { separator: string; score: number } = { separator: preferred, score: 0 };
  for (const separator of order) {
    const score = fit(cellsOf(head, separator));
    if (score > best.score) best = { separator, score };
  }
  return { separator: best.separator, skip: 0, said: false };
}

/** The first rows; of a text that was cut off, without the last. */
export function cellsOf(head: string, separator: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  const reader = createTableReader(separator, {
    cells: (cells) => void (rows.length < ROWS && rows.push([...cells])),
    unclosed: () => undefined,
  });
  reader.push(head);
  if (rows.length < 2) reader.end();
  return rows;
}

/** Names that are known count most, then how many rows have as many cells as the header; one column alone is no cut. */
function fit([header = [], ...rows]: readonly (readonly string[])[]): number {
  if (header.length < 2) return 0;
  const alike = rows.filter(({ length }) => length === header.length).length;
  return 2 * header.filter(isKnownColumn).length + (alike + 1) / (rows.length + 1);
}
