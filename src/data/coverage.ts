// How much of two tokenizations an alignment reaches.

import type { Chunk } from "./chunks";

/** Response tokens that take part in an alignment, and all that could. */
export interface SideCoverage {
  readonly aligned: number;
  readonly tokens: number;
}

export interface Coverage {
  readonly student: SideCoverage;
  readonly teacher: SideCoverage;
}

export const addCoverage = (parts: readonly Coverage[]): Coverage => {
  const side = (of: "student" | "teacher"): SideCoverage => ({
    aligned: parts.reduce((sum, part) => sum + part[of].aligned, 0),
    tokens: parts.reduce((sum, part) => sum + part[of].tokens, 0),
  });
  return { student: side("student"), teacher: side("teacher") };
};

/** From 0 to 1; a side without tokens has nothing that is left out. */
export const shareOf = ({ aligned, tokens }: SideCoverage): number => (tokens === 0 ? 1 : aligned / tokens);

/** The smaller of both sides' shares. */
export const leastShare = ({ student, teacher }: Coverage): number =>
  Math.min(shareOf(student), shareOf(teacher));

const inChunks = (chunks: readonly Chunk[], side: "student" | "teacher"): number =>
  chunks.reduce((sum, { [side]: [from, to] }) => sum + to - from, 0);

export function coverageOf(
  chunks: readonly Chunk[],
  student: readonly Uint8Array[],
  teacher: readonly Uint8Array[],
): Coverage {
  const withText = (tokens: readonly Uint8Array[]) => tokens.filter(({ length }) => length > 0).length;
  // A token without text inside a chunk takes part and is not counted among the others: never more than all.
  const side = (of: "student" | "teacher", tokens: readonly Uint8Array[]): SideCoverage => {
    const all = withText(tokens);
    return { aligned: Math.min(all, inChunks(chunks, of)), tokens: all };
  };
  return { student: side("student", student), teacher: side("teacher", teacher) };
}
