// tokenizer.json as SentencePiece's BPE becomes it: a space is ▁, one stands in front, unknown characters fall to bytes.
import { special } from "./tiny";

const hexBytes = Array.from(
  { length: 256 },
  (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`,
);

/** @param tokens behind `<unk>`, `<s>`, `</s>` and the 256 bytes, which have ids 0 to 258 */
export function byteFallbackTokenizer(tokens: readonly string[], merges: readonly string[]) {
  const all = ["<unk>", "<s>", "</s>", ...hexBytes, ...tokens];
  return {
    version: "1.0",
    added_tokens: all.slice(0, 3).map((content, id) => special(id, content)),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(all.map((token, id) => [token, id])),
      merges,
    },
  };
}
