// Scoring answers: the bundled tasks end a chain of thought with "… the answer is: X", and a direct output is X alone.

/** What announces an answer, with or without a colon. */
const MARK = /answer is(:?)/gi;
/** After it, what is asked for and no answer: "the answer is wanted in cents"; or a word about the answer: "… is right". */
const WANTED =
  /^\s*(wanted|asked|needed|required|expected|sought|requested|supposed|to be)\b|^\s*(not |now |really |indeed )*(right|correct|wrong|incorrect|good|fine|clear|unclear|obvious|sure|certain|below|above|here|there|this|that)\s*[.!?]*\s*$/i;
/** A number that a sentence or a line ends with: what comes behind it is no part of the answer. */
const NUMBER_FIRST = /^\s*([-+\u2212]?\$?\d(?:[\d,.'\u2019]*\d)?%?)(?:[.!;]\s|[.!;]?\s*\n)/;

/**
 * The text behind the mark that concludes; undefined without one. The last mark with a colon does, unless a later one
 * without it is followed by a value: one word, or few with a number among them.
 */
function conclusion(text: string): string | undefined {
  const marks = [...text.matchAll(MARK)].map(({ 0: mark, 1: colon, index }) => ({
    ...{ colon: colon === ":", after: text.slice(index + mark.length) },
  }));
  const candidates = marks.filter(({ colon, after }) => colon || !WANTED.test(after));
  const chosen = candidates.findLast(({ colon, after }) => colon || isValue(after)) ?? candidates.at(-1);
  return chosen && (NUMBER_FIRST.exec(chosen.after)?.[1] ?? chosen.after);
}

const FEW_WORDS = 3;

function isValue(text: string): boolean {
  if (NUMBER_FIRST.test(text)) return true;
  const words = text.trim().split(/\s+/, FEW_WORDS + 1);
  return words.length === 1 || (words.length <= FEW_WORDS && /\d/.test(text));
}

/** Whether a chain of thought names its answer. */
export const hasConclusion = (text: string): boolean => conclusion(text) !== undefined;

/** The text after the "answer is" that concludes, or the whole text when none does; trimmed, without a closing period. */
export function extractAnswer(text: string): string {
  return (conclusion(text) ?? text).trim().replace(/\.$/, "").trim();
}

/** Both sides are reduced to their answer first; numbers are compared as numbers, whatever separates their thousands. */
export const exactMatch = (generated: string, expected: string): boolean =>
  comparable(extractAnswer(generated)) === comparable(extractAnswer(expected));

const PLAIN_NUMBER = /^([-+\u2212]?)\$?(\d+)(?:\.(\d+))?$/;
const GROUPED_NUMBER =
  /^([-+\u2212]?)\$?([1-9]\d{0,2}(?:([,' \u00A0\u2009\u202F\u2019])\d{3})(?:\3\d{3})*)(?:\.(\d+))?$/;

/** A number in one spelling: no separators, no zeros in front or behind the point. Any other text as it is. */
function comparable(answer: string): string {
  const grouped = GROUPED_NUMBER.exec(answer);
  const plain = PLAIN_NUMBER.exec(answer);
  if (!grouped && !plain) return answer;
  const [sign = "", whole = "", decimals = ""] = grouped
    ? [grouped[1], grouped[2], grouped[4]]
    : [plain?.[1], plain?.[2], plain?.[3]];
  const digits = whole.replaceAll(/\D/g, "").replace(/^0+(?=\d)/, "");
  const behind = trimZeros(decimals);
  const number = behind === "" ? digits : `${digits}.${behind}`;
  return sign !== "" && sign !== "+" && /[1-9]/.test(number) ? `-${number}` : number;
}

function trimZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

/**
 * ROUGE-L of two texts (Lin 2004): the F-measure of their longest common subsequence of words, from 0 to 1. Words are
 * runs of letters and digits in lower case, without a stemmer.
 */
export function rougeL(generated: string, reference: string): number {
  const [a, b] = [words(generated), words(reference)];
  const common = commonSubsequence(a, b);
  if (common === 0) return 0;
  const [precision, recall] = [common / a.length, common / b.length];
  return (2 * precision * recall) / (precision + recall);
}

const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The length of the longest common subsequence. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let before = new Uint32Array(b.length + 1);
  for (const word of a) {
    const row = new Uint32Array(b.length + 1);
    b.forEach((other, j) => {
      row[j + 1] = word === other ? (before[j] ?? 0) + 1 : Math.max(row[j] ?? 0, before[j + 1] ?? 0);
    });
    before = row;
  }
  return before[b.length] ?? 0;
}
