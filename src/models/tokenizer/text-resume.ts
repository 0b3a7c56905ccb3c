// Where two texts agree again after a difference. They are compared letter by letter, so that spaces, case and accents that
// one tokenizer drops do not hide the place.

import { type Letters, lettersOf } from "./text-letters";

/** Letters skipped on both sides together up to which every pair of places is tried. */
const NEAR = 128;
/** Letters that must agree farther away. */
const FAR_RUN = 12;

/** Letters that must agree, unless both texts end with them: the more are skipped, the more. */
const enough = (skipped: number): number => (skipped <= 8 ? 3 : skipped <= 32 ? 5 : 8);

/**
 * Of two texts, as a function of the bytes where they part: the bytes where both go on alike, with the least skipped;
 * undefined where they never do.
 */
export function resumption(
  a: Uint8Array,
  b: Uint8Array,
): (i: number, j: number) => [number, number] | undefined {
  let letters: { a: Letters; b: Letters; far: ReturnType<typeof farPlaces> } | undefined;
  return (i, j) => {
    if (!letters) {
      const both = { a: lettersOf(a), b: lettersOf(b) };
      letters = { ...both, far: farPlaces(both.a, both.b) };
    }
    const [p, q] = [firstFrom(letters.a, i), firstFrom(letters.b, j)];
    const found = nearPlace(letters.a, letters.b, p, q) ?? letters.far(p, q);
    return found && [letters.a.starts[found[0]] ?? a.length, letters.b.starts[found[1]] ?? b.length];
  };
}

/** The first letter at or behind a byte. */
function firstFrom({ starts }: Letters, byte: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) < byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Not the second letter of "ﬁ". */
const begins = ({ starts }: Letters, at: number): boolean => starts[at] !== starts[at - 1];

function commonRun(a: Letters, b: Letters, p: number, q: number): number {
  let n = 0;
  while (p + n < a.forms.length && q + n < b.forms.length && a.forms[p + n] === b.forms[q + n]) n++;
  return n;
}

/** The nearest place; of equally near ones the one with the longest agreement. */
function nearPlace(a: Letters, b: Letters, p: number, q: number): [number, number] | undefined {
  for (let skipped = 1; skipped <= NEAR; skipped++) {
    let best: [number, number] | undefined;
    let longest = 0;
    for (let x = p; x <= p + skipped && x < a.forms.length; x++) {
      const y = q + skipped - (x - p);
      if (a.forms[x] !== b.forms[y] || !begins(a, x) || !begins(b, y)) continue;
      const run = commonRun(a, b, x, y);
      const ends = x + run === a.forms.length && y + run === b.forms.length;
      if ((run >= enough(skipped) || ends) && run > longest) [best, longest] = [[x, y], run];
    }
    if (best) return best;
  }
  return undefined;
}

/** The same at any distance, for longer agreements, by an index that is made when it is first asked. */
function farPlaces(a: Letters, b: Letters): (p: number, q: number) => [number, number] | undefined {
  const gram = ({ forms }: Letters, at: number) => forms.slice(at, at + FAR_RUN).join("");
  let index: Map<string, number[]> | undefined;
  const inB = (): Map<string, number[]> => {
    if (index) return index;
    index = new Map();
    for (let y = 0; y + FAR_RUN <= b.forms.length; y++) {
      if (!begins(b, y)) continue;
      const places = index.get(gram(b, y));
      if (places) places.push(y);
      else index.set(gram(b, y), [y]);
    }
    return index;
  };
  return (p, q) => {
    let best: [number, number] | undefined;
    for (let x = p; x + FAR_RUN <= a.forms.length; x++) {
      if (best && x - p >= best[0] - p + (best[1] - q)) break;
      if (!begins(a, x)) continue;
      const y = inB()
        .get(gram(a, x))
        ?.find((place) => place >= q);
      if (y !== undefined && (!best || x + y < best[0] + best[1])) best = [x, y];
    }
    return best;
  };
}
