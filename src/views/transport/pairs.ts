// The pairs of another alignment on the axes of the plan.
import type { Overlay } from "../../config/transport-view";
import { byteChunks, minimumEditPath, positions, type Lines, type Pairing } from "../../store";

/** Undefined for none, and for byte chunks of two different texts, which share no bytes. */
export function agreementPairs(lines: Lines, overlay: Overlay): Pairing | undefined {
  const { student, teacher, sameText } = lines;
  switch (overlay) {
    case "none":
      return undefined;
    case "bytes":
      return sameText ? byteChunks(student, teacher) : undefined;
    case "mined":
      return minimumEditPath(student.texts, teacher.texts);
    case "positions":
      return positions(student.ids.length, teacher.ids.length);
  }
}
