// An answer as stretches in order: chunks of text that both sides have, and what stands between them.
import type { TokenGroup, WrittenAnswer } from "../../telemetry";

export interface Segment {
  /** Half-open ranges of tokens. */
  readonly student: readonly [number, number];
  readonly teacher: readonly [number, number];
  /** Which chunk; undefined for tokens without a counterpart. */
  readonly group: number | undefined;
  /** Byte of the student's text at which it begins. */
  readonly at: number;
}

export function segmentsOf({ student, teacher, groups }: WrittenAnswer): Segment[] {
  const starts = [0];
  for (const { bytes } of student) starts.push((starts.at(-1) ?? 0) + bytes);
  const segments: Segment[] = [];
  let [s, t] = [0, 0];
  const gap = (toS: number, toT: number): void => {
    if (toS > s || toT > t)
      segments.push({ student: [s, toS], teacher: [t, toT], group: undefined, at: starts[s] ?? 0 });
  };
  groups.forEach(([s0, s1, t0, t1]: TokenGroup, group) => {
    gap(s0, t0);
    segments.push({ student: [s0, s1], teacher: [t0, t1], group, at: starts[s0] ?? 0 });
    [s, t] = [s1, t1];
  });
  gap(student.length, teacher.length);
  return segments;
}
