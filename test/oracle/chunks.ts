// Ops and losses on chunks of tokens in float64, METHODS §9.
import { logSoftmax } from "./divergence";
import { NO_ROW, type Values } from "./nn";

const rowsOf = (x: Values, width: number): number[][] =>
  Array.from({ length: x.length / width }, (_, r) => Array.from(x).slice(r * width, (r + 1) * width));

export const logSoftmaxRows = (x: Values, vocab: number): number[] =>
  rowsOf(x, vocab).flatMap((row) => logSoftmax(row));

export const labelLogProb = (x: Values, labels: Values, vocab: number): number[] =>
  rowsOf(x, vocab).map((row, r) => (labels[r] === NO_ROW ? 0 : logSoftmax(row)[labels[r]!]!));

/** log P(members) of each row; 0 for NO_ROW. */
export const maskedLogSum = (x: Values, vocab: number, rows: Values, members: Values): number[] => {
  const all = rowsOf(x, vocab).map((row) => logSoftmax(row).map(Math.exp));
  return Array.from(rows, (r) =>
    r === NO_ROW ? 0 : Math.log(all[r]!.reduce((sum, p, v) => sum + (members[v] === 1 ? p : 0), 0)),
  );
};

export function pickEntries(x: Values, vocab: number, rows: Values, cols: Values, shift: Values): number[] {
  return Array.from(rows).flatMap((row, g) =>
    Array.from(cols, (v) => (row === NO_ROW ? 0 : v === NO_ROW ? -1e30 : x[row * vocab + v]! + shift[g]!)),
  );
}

export function chunkSum(x: Values, chunks: [number, number][], least: number): number[] {
  return chunks.map(([from, to]) => {
    let sum = 0;
    for (let k = from; k < to; k++) sum += Math.max(x[k]!, least);
    return sum;
  });
}

/** JSD_β of one row of log-probabilities, at least 1e-8 each. */
export function mixtureDivergence(s: Values, t: Values, beta: number): number {
  let sum = 0;
  for (let j = 0; j < s.length; j++) {
    const p = Math.max(Math.exp(s[j]!), 1e-8);
    const q = Math.max(Math.exp(t[j]!), 1e-8);
    if (beta === 0) sum += q * Math.log(q / p);
    else if (beta === 1) sum += p * Math.log(p / q);
    else {
      const m = beta * q + (1 - beta) * p;
      sum += beta * q * Math.log(q / m) + (1 - beta) * p * Math.log(p / m);
    }
  }
  return sum;
}

/** Binary cross entropy of two chunk likelihoods at temperature τ. */
export function likelihoodMatch(student: number, teacher: number, temperature: number): number {
  const x = Math.min(student / temperature, -1e-6);
  const y = Math.min(teacher / temperature, -1e-6);
  return -(Math.exp(y) * x - Math.expm1(y) * Math.log(-Math.expm1(x)));
}
