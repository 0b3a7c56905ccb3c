// Texts that show where tokenizers part ways; their names are in messages-transport.ts, in the same order.
const SENTENCES = [
  "Friday - 4 = Monday. Monday - 1 = Sunday. Sunday + 1 = Monday.",
  "heads, Will flips, tails. tails, Cleo keeps, tails. tails, Zoe flips, heads.",
  "juice e 1. apple e 2. stove e 3. plate e 4. Therefore, the answer is: 4",
  "18 - 5 = 13. 13 + 9 = 22. Therefore, the answer is: 22",
];

export const EXAMPLES: readonly string[] = [
  "Therefore, the unforeseeable counterexample overturned the mathematician's hypothesis.",
  "Café crème, naïve résumé, 12 €, 東京 and a 🦊: every one of these costs more bytes than letters.",
  "3 + 4 = 7, 37 + 48 = 85, 1024 - 999 = 25, and 123456789 is longer than it looks.",
  Array.from({ length: 11 }, (_, i) => SENTENCES[i % SENTENCES.length]).join(" "),
];
