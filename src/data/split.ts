// Rows in two halves: those that train, and those that are held out.
import { createRng, deriveSeed } from "../config/rng";
import { DataError } from "./errors";
import type { Row } from "./rows";

const HELD_OUT_SHARE = 0.1;

/** One row in ten is held out, by seed and by the prompt: rows that ask the same stay together. At least one each way. */
export function splitRows(
  rows: readonly Row[],
  seed: number,
  share = HELD_OUT_SHARE,
): { train: Row[]; heldOut: Row[] } {
  const held = (row: Row): boolean => createRng(deriveSeed(seed, `split ${row.prompt}`)).next() < share;
  const heldOut = rows.filter(held);
  const train = rows.filter((row) => !held(row));
  if (heldOut.length === 0 && train.length > 1) heldOut.push(...train.splice(-1));
  if (train.length === 0 && heldOut.length > 1) train.push(...heldOut.splice(-1));
  return { train, heldOut };
}

/** @param source names the rows. @throws DataError when there are too few for both halves. */
export function checkEnough(rows: readonly Row[], source: string): void {
  if (rows.length > 1) return;
  throw new DataError(
    `${source} holds ${rows.length === 0 ? "no usable row" : "one usable row"}; a run needs two, one to train on and ` +
      "one that is held out. Add rows.",
  );
}
