// Cross entropy in float64.
import { logSumExp, NO_ROW, type Values } from "./nn";

/** loss[r] = lse[r] − logits[r, label]; hit[r] = 1 when the first largest logit is the label; 0 for NO_ROW. */
export function crossEntropy(logits: Values, labels: Values, vocab: number) {
  const rows = Array.from(labels, (label, r) => {
    const row = Array.from(logits).slice(r * vocab, (r + 1) * vocab);
    const lse = logSumExp(row);
    if (label === NO_ROW) return { loss: 0, hit: 0, lse };
    const best = row.indexOf(row.reduce((a, b) => Math.max(a, b), -Infinity));
    return { loss: lse - row[label]!, hit: best === label ? 1 : 0, lse };
  });
  return { loss: rows.map((r) => r.loss), hit: rows.map((r) => r.hit), lse: rows.map((r) => r.lse) };
}

/** The sum of losses, the sum of hits, the rows that count, 0. */
export function rowTotals(labels: Values, loss: Values, hit: Values): number[] {
  const sum = (x: Values) => Array.from(x).reduce((a, b) => a + b, 0);
  return [sum(loss), sum(hit), Array.from(labels).filter((label) => label !== NO_ROW).length, 0];
}
