// The bands of a plan between two lines: band (i, j) leaves student token i and reaches teacher token j. At either end
// it takes the share of the token's place that it carries of the token's mass; a longer token has a wider place.
import type { PlanRecord } from "../../telemetry";

export type Side = "student" | "teacher";

export interface Band {
  readonly student: number;
  readonly teacher: number;
  readonly path: string;
  /** Of the heaviest band. */
  readonly share: number;
}

export const WIDTH = 1000;
export const HEIGHT = 150;
/** Below this share of the heaviest band nothing is to be seen. */
const LEAST = 0.05;

export function ribbonsOf({ plan, studentTokens, teacherTokens }: PlanRecord): Band[] {
  const [n, m] = [studentTokens.length, teacherTokens.length];
  const [below, above] = [places(studentTokens), places(teacherTokens)];
  const largest = plan.reduce((most, mass) => Math.max(most, mass), 0);
  const across = new Float64Array(m);
  const bands: Band[] = [];
  for (let i = 0; i < n; i++) {
    const { at: left = 0, width: place = 0 } = below[i] ?? {};
    let along = 0;
    for (let j = 0; j < m; j++) {
      const mass = plan[i * m + j] ?? 0;
      const { at = 0, width = 0 } = above[j] ?? {};
      const lower: Span = [left + along, mass * n * place];
      const upper: Span = [at + (across[j] ?? 0), mass * m * width];
      along += lower[1];
      across[j] = (across[j] ?? 0) + upper[1];
      if (mass < LEAST * largest) continue;
      bands.push({ student: i, teacher: j, path: band(lower, upper), share: mass / largest });
    }
  }
  return bands;
}

/** In characters: what a token's place is wide, beside the others'. */
export const tokenWeight = (token: string): number => Math.max(2, token.length + 0.6);

function places(tokens: readonly string[]): { readonly at: number; readonly width: number }[] {
  const all = tokens.reduce((sum, token) => sum + tokenWeight(token), 0);
  let at = 0;
  return tokens.map((token) => {
    const width = (tokenWeight(token) / all) * WIDTH;
    at += width;
    return { at: at - width, width };
  });
}

type Span = readonly [from: number, width: number];

/** From the student's line below to the teacher's above, upright at both ends. */
function band([from, lower]: Span, [to, upper]: Span): string {
  const at = (x: number) => x.toFixed(1);
  const half = HEIGHT / 2;
  return (
    `M${at(from)} ${HEIGHT}C${at(from)} ${half} ${at(to)} ${half} ${at(to)} 0` +
    `H${at(to + upper)}C${at(to + upper)} ${half} ${at(from + lower)} ${half} ${at(from + lower)} ${HEIGHT}Z`
  );
}
