// How alike two names are, as X-Token compares special tokens: 0.6 of what matching blocks cover (Ratcliff and Obershelp, as
// Python's difflib) and 0.4 of the characters that both have (Jaccard).

export const likeness = (a: string, b: string): number => 0.6 * blockRatio(a, b) + 0.4 * sharedLetters(a, b);

/** 2·M/(|a| + |b|), M the characters in matching blocks. */
function blockRatio(a: string, b: string): number {
  const all = a.length + b.length;
  return all === 0 ? 1 : (2 * matched(a, b)) / all;
}

/** The longest common stretch, and what matches left and right of it. */
function matched(a: string, b: string): number {
  let [best, atA, atB] = [0, 0, 0];
  let before = new Array<number>(b.length + 1).fill(0);
  for (let i = 0; i < a.length; i++) {
    const row = new Array<number>(b.length + 1).fill(0);
    for (let j = 0; j < b.length; j++) {
      if (a[i] !== b[j]) continue;
      const length = (before[j] ?? 0) + 1;
      row[j + 1] = length;
      if (length > best) [best, atA, atB] = [length, i - length + 1, j - length + 1];
    }
    before = row;
  }
  if (best === 0) return 0;
  return best + matched(a.slice(0, atA), b.slice(0, atB)) + matched(a.slice(atA + best), b.slice(atB + best));
}

function sharedLetters(a: string, b: string): number {
  const [x, y] = [new Set(a), new Set(b)];
  const both = [...x].filter((letter) => y.has(letter)).length;
  const any = new Set([...x, ...y]).size;
  return any === 0 ? 1 : both / any;
}
