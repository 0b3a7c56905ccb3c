// The tokens of a tokenizer.json: how each is written, and the bytes that it stands for.

import { isRecord } from "../../base/json";
import { addedTokenBytes, rawTokenBytes, type TokenScheme } from "./token-bytes";
import { unusedToken } from "./token-limit";
import { checkTokenizerClaims } from "./tokenizer-limits";

export interface Vocabulary {
  /** Ids go from 0 to here. */
  readonly size: number;
  readonly scheme: TokenScheme;
  /** As the vocabulary writes it: "Ġthe", "▁the", "<0xE2>". @throws RangeError for an id beyond. */
  rawToken(id: number): string;
  /** @throws RangeError for an id beyond. */
  tokenBytes(id: number): Uint8Array;
  /** A token of the list beside the vocabulary's own. */
  isAdded(id: number): boolean;
  /** An added token that decoders leave out: ends of texts, padding. */
  isSpecial(id: number): boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** @throws ModelError naming a token with an absurd id, or a part that is nested without end. */
export function readVocabulary(json: Json): Vocabulary {
  checkTokenizerClaims(json);
  const scheme = schemeOf(json);
  const list = addedTokens(json);
  const tokens = tokenList(json["model"], list);
  const added = new Set(list.map(({ id }) => id));
  const special = new Set(list.filter((token) => token.special).map(({ id }) => id));
  const rawToken = (id: number): string => {
    const token = tokens[id];
    if (token === undefined) throw new RangeError(`token ids go from 0 to ${tokens.length - 1}, got ${id}`);
    return token;
  };
  const end = endOfWord(json["model"]);
  const inside = (token: string) => (end !== "" && token.endsWith(end) ? token.slice(0, -end.length) : token);
  return {
    ...{ size: tokens.length, scheme, rawToken },
    tokenBytes: (id) =>
      added.has(id) ? addedTokenBytes(rawToken(id), scheme) : rawTokenBytes(inside(rawToken(id)), scheme),
    isAdded: (id) => added.has(id),
    isSpecial: (id) => special.has(id),
  };
}

/** What marks the last piece of a word where a vocabulary marks ends (CLIP's "</w>"); it stands for no text. */
function endOfWord(model: unknown): string {
  const end = isRecord(model) ? model["end_of_word_suffix"] : undefined;
  return typeof end === "string" ? end : "";
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

function tokenList(model: unknown, added: readonly AddedToken[]): string[] {
  const tokens: string[] = [];
  const vocab = isRecord(model) ? model["vocab"] : undefined;
  // Of Unigram a list of [token, score], whose places are the ids; else ids by token.
  if (Array.isArray(vocab))
    vocab.forEach((entry: unknown, id) => {
      if (Array.isArray(entry)) tokens[id] = String(entry[0]);
    });
  else if (isRecord(vocab)) for (const [token, id] of Object.entries(vocab)) tokens[Number(id)] = token;
  for (const { id, content } of added) tokens[id] = content;
  return Array.from(tokens, (token, id) => token ?? unusedToken(id));
}

function addedTokens(json: Json): AddedToken[] {
  const list: unknown[] = Array.isArray(json["added_tokens"]) ? json["added_tokens"] : [];
  return list.flatMap((entry) => {
    if (!isRecord(entry)) return [];
    const { id, content, special } = entry;
    return typeof id === "number" && typeof content === "string"
      ? [{ id, content, special: special === true }]
      : [];
  });
}

function schemeOf(json: Json): TokenScheme {
  const parts = [json["pre_tokenizer"], json["decoder"], json["normalizer"]];
  if (parts.some((part) => mentions(part, (type) => type === "ByteLevel"))) return "byte-level";
  if (parts.some((part) => mentions(part, (type) => type === "Metaspace" || type === "▁")))
    return "metaspace";
  return isRecord(json["model"]) && json["model"]["type"] === "WordPiece" ? "wordpiece" : "plain";
}

/** Looks for a component by its `type` (or a Replace of "▁" by its text) anywhere in a nested pipeline. */
function mentions(part: unknown, matches: (text: unknown) => boolean): boolean {
  if (typeof part === "string") return matches(part);
  if (typeof part !== "object" || part === null) return false;
  return Object.values(part).some((value) => mentions(value, matches));
}
