// What a tokenizer.json may claim — plan
//   ids      added or of the vocabulary, absurd, negative, no number: refused by name before a list as long is made;
//            gaps that real models have are not
//   depth    parts nested without end: refused, and the check itself does not overflow
import { expect, test } from "vitest";
import { checkTokenizerClaims } from "../../../src/models/tokenizer/tokenizer-limits";

const vocab = Object.fromEntries(Array.from({ length: 384 }, (_, id) => [`t${id}`, id]));
const json = (fields: Record<string, unknown> = {}) => ({
  model: { type: "BPE", vocab },
  added_tokens: [],
  ...fields,
});
const added = (id: unknown) => json({ added_tokens: [{ id, content: "<x>" }] });
const nested = (depth: number) => {
  let part: unknown = { type: "Metaspace" };
  for (let i = 0; i < depth; i++) part = { type: "Sequence", pretokenizers: [part] };
  return part;
};

test.each<[string, Record<string, unknown>]>([
  ["as it is", json()],
  ["a gap of 5,000 ids", added(5_384)],
  ["a list for a vocabulary (Unigram)", json({ model: { type: "Unigram", vocab: [["a", -1]] } })],
  [
    "a mask behind a list of 250,000 (XLM-R)",
    json({
      model: { type: "Unigram", unk_id: 3, vocab: Array.from({ length: 250_000 }, (_, i) => [`t${i}`, -i]) },
      added_tokens: [{ id: 250_001, content: "<mask>" }],
    }),
  ],
  ["no unknown token", json({ model: { type: "Unigram", unk_id: null, vocab: [["a", -1]] } })],
  ["four parts in each other", json({ pre_tokenizer: nested(4) })],
  ["nothing", {}],
])("taken: %s", (_name, given) => expect(checkTokenizerClaims(given)).toBeUndefined());

test.each<[string, Record<string, unknown>, RegExp]>([
  ["2³² − 2", added(2 ** 32 - 2), /the token "<x>" has the id 4294967294, among 385 tokens/],
  ["a million", added(1_000_000), /the id 1000000/],
  ["below 0", added(-1), /the id -1/],
  ["a fraction", added(1.5), /the id 1.5/],
  ["a text", added("7"), /the id 7/],
  [
    "of the vocabulary",
    json({ model: { type: "BPE", vocab: { ...vocab, a: 1e9 } } }),
    /the token "a" has the id/,
  ],
  ["a long name", json({ added_tokens: [{ id: 1e9, content: "x".repeat(1e6) }] }), /"x{40}…" has the id/],
  ...[2 ** 31, 1, -1, "a", {}].map((unk_id): [string, Record<string, unknown>, RegExp] => [
    `an unk_id of ${String(unk_id)}`,
    json({ model: { type: "Unigram", unk_id, vocab: [["a", -1]] } }),
    /its unk_id is .*, which is none of its 1 tokens/,
  ]),
  ["nested 100", json({ normalizer: nested(100) }), /its normalizer is nested more than 64/],
  ["nested 100,000", json({ pre_tokenizer: nested(100_000) }), /its pre_tokenizer is nested/],
])("refused: %s", (_name, given, message) => expect(() => checkTokenizerClaims(given)).toThrow(message));
