// The nearest of many tokens by edit distance, the first by id among equals. Most candidates are never compared: their
// length, or the characters that one text has and the other has not, already rule them out.
import { codePoints, distanceByBits, editDistance, WORD_BITS } from "./edit-distance";

/** Tokens of one length, in the order of their ids, with the set of their characters as 64 bits. */
interface Bucket {
  readonly length: number;
  readonly ids: Int32Array;
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/** All tokens' characters, one after the other, as numbers by falling frequency. */
interface Corpus {
  /** Number of a code point; absent when no token has it. */
  readonly numbers: ReadonlyMap<number, number>;
  readonly chars: Uint32Array;
  /** Token id owns chars[starts[id]] to chars[starts[id + 1]]. */
  readonly starts: Uint32Array;
}

interface Index {
  readonly corpus: Corpus;
  readonly buckets: readonly Bucket[];
  readonly idOf: ReadonlyMap<string, number>;
  /** Of the text that is looked for: where each character stands, as bits, and how many share a signature bit. */
  readonly masks: Int32Array;
  /** One function for all searches: the engine inlines it. */
  readonly mask: (char: number) => number;
  readonly perBit: Int32Array;
}

/** @returns the id of the nearest text. */
export function createNearest(texts: readonly string[]): (text: string) => number {
  const corpus = readCorpus(texts);
  const idOf = new Map<string, number>();
  texts.forEach((text, id) => {
    if (!idOf.has(text)) idOf.set(text, id);
  });
  const masks = new Int32Array(corpus.numbers.size + 1);
  const index: Index = {
    ...{ corpus, idOf, buckets: makeBuckets(corpus, texts.length) },
    ...{ masks, mask: (char) => masks[char] ?? 0, perBit: new Int32Array(64) },
  };
  return (text) => findNearest(index, text);
}

function findNearest(index: Index, text: string): number {
  const { corpus, buckets, idOf, masks, perBit } = index;
  const unknown = corpus.numbers.size; // a character that no token has: its mask stays 0
  const own = codePoints(text).map((point) => corpus.numbers.get(point) ?? unknown);
  const length = own.length;
  const query: Query = { own, signature: signature(own), byBits: length > 0 && length <= WORD_BITS };
  if (query.byBits) own.forEach((char, i) => (masks[char] = (masks[char] ?? 0) | (1 << i)));
  masks[unknown] = 0;
  perBit.fill(0);
  for (const char of own) perBit[char & 63] = (perBit[char & 63] ?? 0) + 1;

  const best = longestPart(text, length, idOf);
  searchBucket(index, query, buckets[length], best);
  for (let apart = 1; apart <= best.distance && apart <= Math.max(length, buckets.length); apart++) {
    searchBucket(index, query, buckets[length - apart], best);
    searchBucket(index, query, buckets[length + apart], best);
  }
  for (const char of own) masks[char] = 0;
  return best.id;
}

interface Query {
  readonly own: readonly number[];
  readonly signature: readonly [number, number];
  /** Short enough for the bit-parallel distance. */
  readonly byBits: boolean;
}

interface Best {
  distance: number;
  id: number;
}

/** Improve `best` by the tokens of one length: each is compared only when nothing cheaper rules it out. */
function searchBucket(
  { corpus: { chars, starts }, mask, perBit }: Index,
  { own, signature: [low, high], byBits }: Query,
  bucket: Bucket | undefined,
  best: Best,
): void {
  if (!bucket) return;
  const { ids, low: lows, high: highs } = bucket;
  const longer = Math.max(own.length, bucket.length);
  const apart = Math.abs(own.length - bucket.length);
  const beaten = (least: number, id: number) =>
    least > best.distance || (least === best.distance && id > best.id);
  for (let k = 0; k < ids.length; k++) {
    const id = ids[k] ?? 0;
    const a = lows[k] ?? 0;
    const b = highs[k] ?? 0;
    if (beaten(apart, id)) return; // nothing here can be nearer, and ids only grow
    if (beaten(ones(low & ~a) + ones(high & ~b), id)) continue; // characters that only the text has
    if (beaten(ones(a & ~low) + ones(b & ~high), id)) continue; // and that only the token has
    // Of own characters at most these are kept; each of the others is an edit, and so is what the lengths differ by.
    const kept = sumAtBits(perBit, low & a, 0) + sumAtBits(perBit, high & b, 32);
    if (beaten(longer - kept, id)) continue;
    const from = starts[id] ?? 0;
    const to = starts[id + 1] ?? from;
    const distance = byBits
      ? distanceByBits(own.length, chars, from, to, mask)
      : editDistance(own, [...chars.subarray(from, to)]);
    if (beaten(distance, id)) continue;
    best.distance = distance;
    best.id = id;
  }
}

/** A first guess: the longest part of the text that is a token itself needs only the rest to be deleted. */
function longestPart(text: string, length: number, idOf: ReadonlyMap<string, number>): Best {
  const points = Array.from(text);
  for (let size = length - 1; size > 0; size--)
    for (let from = 0; from + size <= length; from++) {
      const id = idOf.get(points.slice(from, from + size).join(""));
      if (id !== undefined) return { distance: length - size, id };
    }
  return { distance: Infinity, id: -1 };
}

function readCorpus(texts: readonly string[]): Corpus {
  const points = texts.map(codePoints);
  const counts = new Map<number, number>();
  for (const point of points.flat()) counts.set(point, (counts.get(point) ?? 0) + 1);
  const frequent = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const numbers = new Map(frequent.map((point, number) => [point, number]));
  const starts = new Uint32Array(texts.length + 1);
  points.forEach((token, id) => (starts[id + 1] = (starts[id] ?? 0) + token.length));
  const chars = Uint32Array.from(points.flat(), (point) => numbers.get(point) ?? 0);
  return { numbers, chars, starts };
}

function makeBuckets({ chars, starts }: Corpus, count: number): Bucket[] {
  const idsByLength: number[][] = [];
  for (let id = 0; id < count; id++) {
    const length = (starts[id + 1] ?? 0) - (starts[id] ?? 0);
    (idsByLength[length] ??= []).push(id);
  }
  return idsByLength.map((list, length) => {
    const ids = Int32Array.from(list);
    const signatures = list.map((id) => signature(chars.subarray(starts[id], starts[id + 1])));
    const word = (which: 0 | 1) => Int32Array.from(signatures, (s) => s[which]);
    return { length, ids, low: word(0), high: word(1) };
  });
}

/** A bit per character, the frequent ones alone on theirs: a bit that one of two texts lacks is an edit at least. */
function signature(chars: ArrayLike<number>): readonly [number, number] {
  let [low, high] = [0, 0];
  for (let i = 0; i < chars.length; i++) {
    const bit = (chars[i] ?? 0) & 63;
    if (bit < 32) low |= 1 << bit;
    else high |= 1 << (bit - 32);
  }
  return [low, high];
}

/** Σ of counts at the set bits. */
function sumAtBits(counts: Int32Array, word: number, base: number): number {
  let sum = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1)
    sum += counts[base + 31 - Math.clz32(rest & -rest)] ?? 0;
  return sum;
}

/** How many bits are set. */
function ones(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  x = (x + (x >>> 4)) & 0x0f0f0f0f;
  return Math.imul(x, 0x01010101) >>> 24;
}
