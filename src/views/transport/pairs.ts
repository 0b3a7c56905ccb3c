// The pairs of another alignment on the axes of the plan.
import type { Overlay } from "../../config/transport-view";
import { chunkPairs, type Lines, type Pairing, pathPairs, positionPairs } from "../../store";

/** Undefined for none, and for byte chunks of two different texts, which share no bytes. */
export function agreementPairs(
  { student, teacher, sameText, pairings }: Lines,
  overlay: Overlay,
): Pairing | undefined {
  const [n, m] = [student.ids.length, teacher.ids.length];
  switch (overlay) {
    case "none":
      return undefined;
    case "bytes":
      return sameText ? chunkPairs(pairings, n, m) : undefined;
    case "mined":
      return pathPairs(pairings, n, m);
    case "positions":
      return positionPairs(pairings, n, m);
  }
}
