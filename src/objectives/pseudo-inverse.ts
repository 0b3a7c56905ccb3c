// Projectors that begin where they preserve logits, after DSKDv2: on the tokens that both vocabularies hold,
// t2s(H)·W_sᵀ ≈ H·W_tᵀ and s2t(h)·W_tᵀ ≈ h·W_sᵀ. With heads [V, d] these are A = pinv(W_s)·W_t and pinv(W_t)·W_s.
import { addRidge, crossProduct, type Rows, solveCholesky } from "../base/linear-system";
import { matchedTokens, type TokenTables } from "../data";
import type { NewParameter } from "../student";

interface Head {
  /** [V, d]. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What a projector can be computed from before training. */
export interface Heads {
  readonly student: Head;
  readonly teacher: Head;
  readonly tokens: TokenTables;
}

/** t2s and s2t with their weights so computed and their biases 0; other parameters are left as they are. */
export function preservingLogits(parameters: readonly NewParameter[], heads: Heads): NewParameter[] {
  const shared = sharedTokens(heads.tokens);
  const student = rowsOf(
    heads.student,
    shared.map(([s]) => s),
  );
  const teacher = rowsOf(
    heads.teacher,
    shared.map(([, t]) => t),
  );
  const zeros = (length: number) => new Float32Array(length);
  const start = new Map<string, (length: number) => Float32Array>([
    ["projector.t2s.weight", () => leastSquares(student, teacher)],
    ["projector.s2t.weight", () => leastSquares(teacher, student)],
    ["projector.t2s.bias", zeros],
    ["projector.s2t.bias", zeros],
  ]);
  return parameters.map((parameter) => {
    const make = start.get(parameter.name);
    return make ? { ...parameter, data: make(parameter.data?.length ?? 0) } : parameter;
  });
}

/** Pairs of ids of the tokens that stand for the same bytes, by the teacher's. */
export function sharedTokens(tokens: TokenTables): [student: number, teacher: number][] {
  const { student, teacher } = matchedTokens(tokens, "bytes");
  const pairs = student.map((id, k): [number, number] => [id, teacher[k] ?? 0]);
  return pairs.sort(([, a], [, b]) => a - b);
}

function rowsOf({ shape: [, width = 0], data }: Head, ids: readonly number[]): Rows {
  const out = new Float64Array(ids.length * width);
  ids.forEach((id, i) => out.set(data.subarray(id * width, (id + 1) * width), i * width));
  return { count: ids.length, width, data: out };
}

/** Keeps the normal equations solvable where there are fewer rows than columns; relative to their mean diagonal. */
const RIDGE = 1e-9;

/** X (p, q) of least ‖A·X − B‖ for A (n, p) and B (n, q), by the normal equations in float64. */
export function leastSquares(a: Rows, b: Rows): Float32Array {
  const [p, q] = [a.width, b.width];
  const gram = crossProduct(a, a);
  addRidge(gram, p, (trace) => Math.max((RIDGE * trace) / p, 1e-300));
  return Float32Array.from(solveCholesky(gram, crossProduct(a, b), p, q));
}
