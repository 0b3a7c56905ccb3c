// MinED's target logits, METHODS §4, in plain loops.
import { NO_ROW, type Values } from "./nn";

export function minedTarget(
  source: Values,
  labels: Values,
  inverse: Values,
  teacher: Values,
  teacherVocab: number,
): number[] {
  return Array.from(source).flatMap((row, r) =>
    Array.from(inverse, (token, v) => {
      if (row === NO_ROW) return labels[r] === v ? 100 : -1e5;
      return token === NO_ROW ? -1e5 : teacher[row * teacherVocab + token]!;
    }),
  );
}
