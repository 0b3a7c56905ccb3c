// Ranges of a file, filled as the file passes by: nothing of it is held but what its ranges keep.

import { ModelError } from "../errors";
import { type ByteStream, refuseStandIn } from "../files/files";

export interface ByteRange {
  /** Whose bytes they are: named in errors. */
  readonly name: string;
  readonly start: number;
  readonly bytes: number;
  /** Takes the bytes in order, in pieces of any length, which are good until it returns. */
  write(piece: Uint8Array): void;
}

/** Ranges may overlap. @throws ModelError when the file ends before one of them does. */
export async function readRanges(
  { chunks, size }: ByteStream,
  path: string,
  ranges: readonly ByteRange[],
): Promise<void> {
  let position = 0;
  for await (const chunk of chunks) {
    if (position === 0) {
      refuseStandIn(chunk);
      if (size !== undefined) refuseBeyond(size, path, ranges);
    }
    const next = position + chunk.length;
    for (const { start, bytes, write } of ranges) {
      const [from, to] = [Math.max(start, position), Math.min(start + bytes, next)];
      if (from < to) write(chunk.subarray(from - position, to - position));
    }
    position = next;
  }
  refuseBeyond(position, path, ranges);
}

/** @throws ModelError when a file of so many bytes ends before one of the ranges does. */
export function refuseBeyond(
  size: number,
  path: string,
  ranges: readonly Pick<ByteRange, "name" | "start" | "bytes">[],
): void {
  const bad = ranges.find(({ start, bytes }) => !(start >= 0 && bytes >= 0 && start + bytes <= size));
  if (!bad) return;
  throw new ModelError(
    "truncated",
    `${bad.name} lies at bytes ${bad.start} to ${bad.start + bad.bytes} of ${path}, which has ${size}. Download it again.`,
  );
}
