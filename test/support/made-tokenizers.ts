// Small tokenizers with the traits of real ones, through transformers.js: byte-level (GPT-2, Llama 3, Qwen) or ▁ with byte
// fallback (Llama 2, Gemma), with a normalizer, a space in front, added tokens, and whatever words they know.
import { loadTokenizer, memoryFiles, type Tokenizer } from "../../src/models";
import { byteChars, encode, special } from "../unit/models/tiny";

export interface Traits {
  readonly scheme: "byte-level" | "metaspace";
  /** In tokenizers' own names, applied in this order. */
  readonly normalizers?: readonly ("NFC" | "NFD" | "NFKC" | "NFKD" | "Lowercase" | "StripAccents")[];
  readonly prefixSpace?: boolean;
  /** As the vocabulary writes them: Gemma's runs of ▁, marks of a chat. */
  readonly added?: readonly string[];
  /** Texts that are one token each; their beginnings become tokens too. */
  readonly words?: readonly string[];
}

const EOS = "</s>";

export function madeTokenizer(traits: Traits): Promise<Tokenizer> {
  const files = new Map([
    ["tokenizer.json", encode(tokenizerJson(traits))],
    [
      "tokenizer_config.json",
      encode({
        ...{ tokenizer_class: "PreTrainedTokenizerFast", eos_token: EOS, pad_token: "<pad>" },
        clean_up_tokenization_spaces: false,
      }),
    ],
  ]);
  return loadTokenizer(memoryFiles("made", files));
}

export function tokenizerJson(traits: Traits): object {
  const { scheme, added = [], words = [] } = traits;
  const letters = scheme === "byte-level" ? byteChars() : [...hexBytes, "▁"];
  const vocabulary = new Set(["<pad>", EOS, "<unk>", ...letters]);
  const merges: string[] = [];
  for (const word of words) {
    const [first = "", ...rest] = spelled(word, scheme);
    let whole = first;
    vocabulary.add(first);
    for (const next of rest) {
      vocabulary.add(next);
      const merge = `${whole} ${next}`;
      if (!merges.includes(merge)) merges.push(merge);
      vocabulary.add((whole += next));
    }
  }
  for (const token of added) vocabulary.add(token);
  const ids = [...vocabulary];
  return {
    version: "1.0",
    ...{ truncation: null, padding: null, post_processor: null },
    added_tokens: ["<pad>", EOS, "<unk>", ...added].map((token) => special(ids.indexOf(token), token)),
    ...pipeline(traits),
    model: {
      ...{ type: "BPE", dropout: null, fuse_unk: false, unk_token: scheme === "metaspace" ? "<unk>" : null },
      byte_fallback: scheme === "metaspace",
      vocab: Object.fromEntries(ids.map((token, id) => [token, id])),
      merges,
    },
  };
}

function pipeline({ scheme, normalizers = [], prefixSpace = false }: Traits): object {
  const steps: object[] = normalizers.map((type) => ({ type }));
  if (scheme === "byte-level") {
    const byteLevel = {
      ...{ type: "ByteLevel", add_prefix_space: prefixSpace, trim_offsets: true, use_regex: true },
    };
    const normalizer = steps.length > 0 ? { type: "Sequence", normalizers: steps } : null;
    return { normalizer, pre_tokenizer: byteLevel, decoder: byteLevel };
  }
  if (prefixSpace) steps.push({ type: "Prepend", prepend: "▁" });
  steps.push({ type: "Replace", pattern: { String: " " }, content: "▁" });
  return {
    normalizer: { type: "Sequence", normalizers: steps },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
  };
}

const hexBytes = Array.from(
  { length: 256 },
  (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, "0")}>`,
);

function spelled(word: string, scheme: Traits["scheme"]): string[] {
  if (scheme === "metaspace") return Array.from(word.replaceAll(" ", "▁"));
  const chars = byteChars();
  return Array.from(new TextEncoder().encode(word), (byte) => chars[byte] ?? "");
}
