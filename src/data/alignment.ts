// Two tokenizations of one text, aligned, with what the alignment leaves out.

import { alignChunks, type Chunk } from "./chunks";
import { type Coverage, coverageOf } from "./coverage";

export interface Alignment {
  readonly chunks: readonly Chunk[];
  readonly coverage: Coverage;
  /** Tokens with text that no chunk covers, by their place. */
  readonly apart: { readonly student: readonly number[]; readonly teacher: readonly number[] };
}

/** @param student, teacher the bytes of each token. */
export function alignBytes(student: readonly Uint8Array[], teacher: readonly Uint8Array[]): Alignment {
  const chunks = alignChunks(student, teacher);
  const apart = (side: "student" | "teacher", tokens: readonly Uint8Array[]) => {
    const covered = new Set(chunks.flatMap(({ [side]: [from, to] }) => range(from, to)));
    return tokens.flatMap(({ length }, k) => (length > 0 && !covered.has(k) ? [k] : []));
  };
  return {
    chunks,
    coverage: coverageOf(chunks, student, teacher),
    apart: { student: apart("student", student), teacher: apart("teacher", teacher) },
  };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, k) => from + k);
