// Columns of the tokens that both vocabularies have (src/data/matched-tokens.ts), and of the others, as tables for the GPU.
import type { TokenMatch } from "../../config/methods";
import { type EndPair, type MatchedTokens, matchedTokens, type TokenTables } from "../../data";
import { NO_ROW } from "../../student";

export interface Overlap extends MatchedTokens {
  /** So many from the first on are pairs of equal tokens, no id twice on a side; the others are pairs of ends. */
  readonly unique: number;
}

/**
 * The tokens that both vocabularies have, then the pairs of end tokens: those of which both are in the list already are
 * left out; where one is, its column stands twice, as at the peer.
 */
export function overlapColumns(tokens: TokenTables, by: TokenMatch, ends: readonly EndPair[]): Overlap {
  const { student, teacher } = matchedTokens(tokens, by);
  const [s, t] = [[...student], [...teacher]];
  const [knownS, knownT] = [new Set(s), new Set(t)];
  for (const [own, other] of ends) {
    if (knownS.has(own) && knownT.has(other)) continue;
    s.push(own);
    t.push(other);
    knownS.add(own);
    knownT.add(other);
  }
  return { student: s, teacher: t, unique: student.length };
}

/** Column indices padded with NO_ROW. */
export function columns(ids: readonly number[], capacity: number): Uint32Array {
  const all = new Uint32Array(capacity).fill(NO_ROW);
  all.set(ids);
  return all;
}

/** The ids below `size` that are not in the list, padded likewise to `size`. */
export function otherColumns(ids: readonly number[], size: number): Uint32Array {
  const taken = new Set(ids);
  return columns(
    Array.from({ length: size }, (_, id) => id).filter((id) => !taken.has(id)),
    size,
  );
}
