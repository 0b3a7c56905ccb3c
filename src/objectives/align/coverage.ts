// Which response tokens of a batch a term's alignment reaches, for the log: what takes no part must not do so unseen.
import {
  addCoverage,
  type Coverage,
  coverageOf,
  sharedPositions,
  type SideBatch,
  textBytes,
  type TokenTables,
  type ViewBatch,
} from "../../data";
import { batchChunks, type RowChunk, responseIds } from "./chunks";

/** Tokens in chunks, or in those chunks that `counts` takes. */
export function coverageOfChunks(
  view: ViewBatch,
  tokens: TokenTables,
  counts: (chunk: RowChunk) => boolean = () => true,
): Coverage {
  const chunks = batchChunks(view, tokens).filter(counts);
  return addCoverage(
    Array.from({ length: view.student.B }, (_, sample) =>
      coverageOf(
        chunks.filter((chunk) => chunk.sample === sample),
        textBytes(responseIds(view.student, sample).ids, tokens.student),
        textBytes(responseIds(view.teacher, sample).ids, tokens.teacher),
      ),
    ),
  );
}

/** A chunk of one token on either side. */
export const isSingle = ({ student: s, teacher: t }: RowChunk): boolean =>
  s[1] - s[0] === 1 && t[1] - t[0] === 1;

/** The k-th response token with the k-th: what the longer side has more is left out. */
export function coverageOfPositions({ student, teacher }: ViewBatch): Coverage {
  const length = ({ rowOffsets }: SideBatch, b: number) => (rowOffsets[b + 1] ?? 0) - (rowOffsets[b] ?? 0);
  return addCoverage(
    Array.from({ length: student.B }, (_, b) => {
      const [s, t] = [length(student, b), length(teacher, b)];
      const aligned = sharedPositions(s, t);
      return { student: { aligned, tokens: s }, teacher: { aligned, tokens: t } };
    }),
  );
}
