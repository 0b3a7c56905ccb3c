// A tokenizer of any library as text with bytes: what it is made of stands in its tokenizer.json.
import { isRecord } from "../../base/json";
import { ModelError } from "../../models/errors";
import type { TokenScheme } from "../../models/tokenizer/token-bytes";
import { readVocabulary } from "../../models/tokenizer/vocabulary";

export interface ByteTokenizer {
  /** Token ids of a text, without special tokens around it. */
  encode(text: string): number[];
  /** What the token stands for, in UTF-8. @throws RangeError for an id that no token has */
  tokenBytes(id: number): Uint8Array;
  /** As the vocabulary writes it: "Ġthe", "▁the", "<0xE2>". @throws RangeError for an id that no token has */
  rawToken(id: number): string;
  /** How the vocabulary writes bytes: as GPT-2's characters, as SentencePiece's ▁ and <0xE2>, with WordPiece's ##, or not at all. */
  readonly scheme: TokenScheme;
  /** Ids go from 0 to here, added tokens included. */
  readonly vocabSize: number;
  isAdded(id: number): boolean;
  /** An added token that stands for no text: BOS, EOS, padding. */
  isSpecial(id: number): boolean;
}

/** What is used of transformers.js' `PreTrainedTokenizer` (version 4). */
export interface TransformersTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): number[];
  readonly _tokenizerJSON: unknown;
}

/** What is used of @huggingface/tokenizers' `Tokenizer`. */
export interface TokenizersTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { readonly ids: number[] };
}

export interface ReadOptions {
  /** With a tokenizer.json: token ids of a text, without special tokens. Default: by @huggingface/tokenizers. */
  readonly encode?: (text: string) => readonly number[];
  /** With a tokenizer.json: the tokenizer_config.json beside it. */
  readonly config?: object;
}

/**
 * @param source a tokenizer of transformers.js 4 or of @huggingface/tokenizers, or a parsed tokenizer.json.
 * @throws TypeError when it is none of these; ModelError when the file is damaged.
 */
export async function readTokenizer(
  source: TransformersTokenizer | TokenizersTokenizer | object,
  options: ReadOptions = {},
): Promise<ByteTokenizer> {
  const { json, encode } = partsOf(source);
  const { size: vocabSize, ...vocabulary } = readVocabulary(json);
  const ids = options.encode ?? encode ?? (await ownEncoder(json, options.config));
  return { ...vocabulary, vocabSize, encode: (text) => (text === "" ? [] : checked(ids(text), vocabSize)) };
}

/** A library that does not know a kind of model gives ids that are none. */
function checked(ids: readonly number[], size: number): number[] {
  const at = ids.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < size));
  if (at < 0) return [...ids];
  throw new ModelError(
    "invalid",
    `encoding gave the token id ${String(ids[at])}; this tokenizer.json's ids go from 0 to ${size - 1}. Either it is not the ` +
      "tokenizer's own, or the library that encodes does not know this kind of model: give { encode } of one that does.",
  );
}

const WITHOUT = { add_special_tokens: false };

interface Parts {
  readonly json: Readonly<Record<string, unknown>>;
  readonly encode?: (text: string) => readonly number[];
}

function partsOf(source: unknown): Parts {
  const given = Object(source) as Readonly<Record<string, unknown>>; // a transformers.js tokenizer is a function
  if (typeof given["encode"] !== "function") {
    if (isRecord(source) && isRecord(source["model"])) return { json: source };
    throw new TypeError(
      "expected a tokenizer of transformers.js or @huggingface/tokenizers, or the object that JSON.parse makes of a tokenizer.json, " +
        `got ${describe(source)}`,
    );
  }
  const json = [given["_tokenizerJSON"], given["tokenizer"]].find(isRecord);
  if (!json)
    throw new TypeError(
      "this tokenizer does not carry its tokenizer.json (transformers.js does from version 4 on): pass the parsed tokenizer.json, " +
        "and { encode: (text) => tokenizer.encode(text, { add_special_tokens: false }) }",
    );
  const tokenizer = source as TransformersTokenizer | TokenizersTokenizer; // it encodes, and carries its file
  return {
    json,
    encode: (text) => {
      const encoded = tokenizer.encode(text, WITHOUT);
      return "ids" in encoded ? encoded.ids : encoded;
    },
  };
}

function describe(source: unknown): string {
  if (typeof source === "string") return "a text; for a tokenizer.json's text, JSON.parse it first";
  return isRecord(source)
    ? `an object with ${Object.keys(source).slice(0, 4).join(", ") || "nothing"}`
    : String(source);
}

/** The library wants each of these named, also where there is none. */
const NO_PARTS = {
  ...{ added_tokens: [], normalizer: null, pre_tokenizer: null },
  ...{ post_processor: null, decoder: null },
};

async function ownEncoder(json: object, config: object = {}): Promise<(text: string) => number[]> {
  const { Tokenizer } = await import("@huggingface/tokenizers");
  try {
    const tokenizer = new Tokenizer({ ...NO_PARTS, ...json }, config);
    return (text) => tokenizer.encode(text, WITHOUT).ids;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ModelError("invalid", `@huggingface/tokenizers could not build this tokenizer.json (${why})`, {
      cause,
    });
  }
}
