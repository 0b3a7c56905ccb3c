// The training rows with what data.labels does to their answers; the same config gives the same rows everywhere.
import { type Labels, labelsText } from "../config/labels";
import { createRng, deriveSeed } from "../config/rng";
import { DataError } from "./errors";
import { noisyChain } from "./noisy-chains";
import type { Row } from "./rows";

export interface LabelledRows {
  readonly rows: readonly Row[];
  /** Ids of the rows whose own answers do not count: the teacher is to write theirs. */
  readonly toWrite: ReadonlySet<string>;
  /** What was done, with counts: the first line of whatever shows the run. */
  readonly said: string;
}

/** Of a config: `limit` is data.rows, `seed` draws the rows that keep their labels and the errors. */
export interface Labelling {
  readonly labels: Labels;
  readonly limit: number;
  readonly seed: number;
}

/**
 * @param train all training rows, from which `limit` are taken first (0: all).
 * @throws DataError when fewer rows are there than are to keep their labels, or when a chain cannot be walked again.
 */
export function labelled(train: readonly Row[], { labels, limit, seed }: Labelling): LabelledRows {
  const rows = limit > 0 ? train.slice(0, limit) : train;
  const nobody = new Set<string>();
  const said = labelsText(labels);
  if (labels === "all") return { rows, toWrite: nobody, said };
  if ("noisy" in labels) {
    const made = rows.map((row) =>
      noisyChain(row, labels.noisy, createRng(deriveSeed(seed, `noise ${row.id}`))),
    );
    const wrong = made.filter(({ answer }, i) => answer !== rows[i]?.answer).length;
    return {
      rows: made,
      toWrite: nobody,
      said: `${said} ${wrong} of ${rows.length} training rows end in a wrong answer (seed ${seed}).`,
    };
  }
  const kept = drawn(rows, labels.few, seed);
  const others = rows.filter(({ id }) => !kept.has(id));
  const taught = labels.rest === "teacher";
  return {
    rows: labels.rest === "none" ? rows.filter(({ id }) => kept.has(id)) : taught ? rows : bare(rows, kept),
    toWrite: taught ? new Set(others.map(({ id }) => id)) : nobody,
    said: `${said} There are ${others.length} others (seed ${seed}).`,
  };
}

/** What is not kept loses its answers: the student is to write them. */
const bare = (rows: readonly Row[], kept: ReadonlySet<string>): Row[] =>
  rows.map((row) => {
    if (kept.has(row.id)) return row;
    const { outputCot: _, answer: _answer, ...prompt } = row;
    return { ...prompt, output: "" };
  });

/** Ids of `n` rows; those of a smaller n are among them. */
function drawn(rows: readonly Row[], n: number, seed: number): ReadonlySet<string> {
  if (n > rows.length)
    throw new DataError(
      `data.labels.few: ${n} rows are to keep their labels, but there are ${rows.length} training rows. Lower it, or set data.labels to "all".`,
    );
  const lots = rows.map(({ id }) => ({ id, lot: createRng(deriveSeed(seed, `few ${id}`)).next() }));
  return new Set(
    lots
      .toSorted((a, b) => a.lot - b.lot)
      .slice(0, n)
      .map(({ id }) => id),
  );
}
