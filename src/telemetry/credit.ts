// How the teacher's word on a chunk of text is shared out among the student's tokens that wrote it (METHODS §10.6): in
// float64, for whoever shows it. What a step computes on the GPU (shaders/loss/chunk_credit.wgsl) is held to this.

/** [s0, s1, t0, t1], half-open: the tokens of a response, on either side, that stand for one piece of text. */
export type TokenGroup = readonly [s0: number, s1: number, t0: number, t1: number];

/** What a method on sampled tokens tells the response tokens of one sample. */
export interface SampleCredit {
  /** A of each of the student's response tokens; −A·log p is its part of the loss. */
  readonly advantages: ArrayLike<number>;
  /** log p of the same tokens, before the update. */
  readonly student: ArrayLike<number>;
  /** log q of the teacher's tokens; empty for a method that asks no teacher. */
  readonly teacher: ArrayLike<number>;
  readonly groups: readonly TokenGroup[];
}

type CreditRule = "by_log_prob" | "by_count" | "exact_boundaries";

export interface CreditSettings {
  readonly credit: CreditRule;
  /** Advantages end at plus and minus this; null: nowhere. */
  readonly clamp: number | null;
  /** Chunks with more tokens than this on either side give no signal; null: all do. */
  readonly maxChunk: number | null;
}

/** |Σ log p| below which its tokens' shares mean nothing. */
const LEAST_SUM = 1e-8;

/**
 * The advantage of each student token. With L_S and L_T the sums of log p and log q over a chunk of n student tokens:
 * by_log_prob A = (L_T/L_S − 1)·log p; by_count A = L_T/n − log p; exact_boundaries L_T − log p where one token stands
 * against one. Unclamped, the first two sum to L_T − L_S over a chunk.
 *
 * @param student log p of each response token. @param teacher log q of the teacher's.
 */
export function shareCredit(
  { credit, clamp, maxChunk }: CreditSettings,
  student: ArrayLike<number>,
  teacher: ArrayLike<number>,
  groups: readonly TokenGroup[],
): Float64Array {
  const advantages = new Float64Array(student.length);
  const most = clamp ?? Infinity;
  for (const [s0, s1, t0, t1] of groups) {
    const [n, m] = [s1 - s0, t1 - t0];
    if (Math.max(n, m) > (maxChunk ?? Infinity)) continue;
    const [ofStudent, ofTeacher] = [sumOf(student, s0, s1), sumOf(teacher, t0, t1)];
    const shared = credit === "by_log_prob" && n > 1 && Math.abs(ofStudent) >= LEAST_SUM;
    for (let i = s0; i < s1; i++) {
      const own = student[i] ?? 0;
      const whole = shared ? ((ofTeacher - ofStudent) / ofStudent) * own : ofTeacher / n - own;
      const counts = credit !== "exact_boundaries" || (n === 1 && m === 1);
      advantages[i] = counts ? Math.min(most, Math.max(-most, whole)) : 0;
    }
  }
  return advantages;
}

function sumOf(values: ArrayLike<number>, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i] ?? 0;
  return sum;
}
