// A row as token ids on one side (student or teacher): METHODS.md §0.
//
//   x = start ++ prompt[:maxPrompt] ++ response ++ end, truncated to maxLength;  inputs x[:-1], label at p is x[p+1]
//   R = {p : |start ++ prompt| − 1 ≤ p < |x| − 1}: each predicts a response token, the last one the end
//
// A prompt that is too long loses its end, or, where the student goes on writing behind it, its front (`front`): start stays.
//
// start and end are what the tokenizer's own post-processor puts around a text (BOS, EOS), the end eos where it puts none
// there; a conversation has both from its chat template. A row that is cut has no end: nobody learns to stop in the middle.

import { type ChatPair, ModelError, type Tokenizer, tokenSpans } from "../models";
import { DataError } from "./errors";
import type { Row, View } from "./rows";

export interface Sequence {
  readonly ids: Int32Array;
  /** Tokens before the response that are left, at least 1. */
  readonly promptLength: number;
  /** Something was truncated: the prompt on its right, or the response, which then has no end. */
  readonly truncated: boolean;
  /** As long as it would be without limits; absent where nothing was cut. */
  readonly whole?: WholeLengths;
}

/** Tokens. */
export interface WholeLengths {
  readonly prompt: number;
  /** Prompt, response and what ends it. */
  readonly length: number;
}

/** Tokens; `maxPrompt` must leave room below `maxLength`. */
export interface LengthLimits {
  readonly maxLength: number;
  readonly maxPrompt: number;
}

/** A row that does not fit even when it is truncated. */
export class TooLong extends DataError {}

export interface EncodeOptions {
  /** Cut a long prompt at its front, so that its end stands before the response. */
  readonly front?: boolean | undefined;
}

export function encodeRow(
  tok: Tokenizer,
  row: Row,
  view: View,
  maxLength: number,
  maxPrompt: number,
  { front = false }: EncodeOptions = {},
): Sequence {
  if (!(Number.isInteger(maxLength) && Number.isInteger(maxPrompt) && maxPrompt >= 1)) {
    throw new RangeError(
      `length limits must be whole numbers from 1, got maxLength ${maxLength}, maxPrompt ${maxPrompt}`,
    );
  }
  const { prompt, response } = tokensOf(tok, row, view);
  if (prompt.length === 0) throw new DataError(`row ${row.id}: its prompt has no tokens`);
  if (!front && templated(tok, row, view) && prompt.length > maxPrompt) {
    throw new TooLong(
      `row ${row.id}: its conversation takes ${prompt.length} tokens and would be cut at ${maxPrompt}, before the reply's ` +
        "head; raise the prompt's maximum length",
    );
  }
  const kept = front ? endOfPrompt(tok, prompt, maxPrompt) : prompt.slice(0, maxPrompt);
  if (kept.length >= maxLength) {
    throw new TooLong(
      `row ${row.id}: its prompt takes ${kept.length} of ${maxLength} tokens and leaves no room for a response; ` +
        "raise the maximum length or lower the prompt's",
    );
  }
  const ids = [...kept, ...response];
  const truncated = kept.length < prompt.length || ids.length > maxLength;
  return {
    ids: Int32Array.from(ids.slice(0, maxLength)),
    promptLength: kept.length,
    truncated,
    ...(truncated && { whole: { prompt: prompt.length, length: prompt.length + response.length } }),
  };
}

/** The last tokens of a prompt, behind what the tokenizer puts in front of every text. */
function endOfPrompt({ around }: Tokenizer, prompt: number[], most: number): number[] {
  if (prompt.length <= most) return prompt;
  const { start = [] } = around ?? {};
  const head = start.length < most && start.every((id, i) => prompt[i] === id) ? start : [];
  return [...head, ...prompt.slice(prompt.length - (most - head.length))];
}

/** The token that ends a model's own answer: of a turn in its chat template, else of a text. */
export function ownEnd(tok: Tokenizer, row: Row, view: View): number {
  if (!templated(tok, row, view)) return tok.around?.end[0] ?? tok.eosId;
  const turnEnd = tok.chat?.turnEnd();
  const last = turnEnd === undefined ? undefined : tok.encode(`b${turnEnd}`).at(-1);
  return last !== undefined && tok.isAdded(last) ? last : tok.eosId;
}

/** How long a row is without limits. */
export function wholeLengths(tok: Tokenizer, row: Row, view: View): WholeLengths {
  const { prompt, response } = tokensOf(tok, row, view);
  return { prompt: prompt.length, length: prompt.length + response.length };
}

/** What a model is asked with: a conversation in its own template where it has one, else the row's text. */
export const promptText = (tok: Tokenizer, row: Row, view: View): string => textsOf(tok, row, view).prompt;

/** The same in tokens, with what the tokenizer puts in front of a text; cut on its right like a row's. */
export function promptIds(tok: Tokenizer, row: Row, view: View, maxPrompt: number): number[] {
  const ids = templated(tok, row, view)
    ? tokensOf(tok, row, view).prompt
    : textIds(tok, textsOf(tok, row, view).prompt);
  return ids.slice(0, maxPrompt);
}

/** A text that is to be gone on with: what the tokenizer puts in front of texts, unless it is there, and its tokens. */
export const textIds = (tok: Tokenizer, text: string): number[] => begun(tok, tok.encode(text));

function begun({ around }: Tokenizer, ids: number[]): number[] {
  const { start = [] } = around ?? {};
  return start.every((id, i) => ids[i] === id) ? ids : [...start, ...ids];
}

function tokensOf(tok: Tokenizer, row: Row, view: View): { prompt: number[]; response: number[] } {
  if (replyOf(row, view) === "")
    return { prompt: askedTokens(tok, row, view), response: [ownEnd(tok, row, view)] };
  const texts = textsOf(tok, row, view);
  if (templated(tok, row, view)) {
    const { prompt, said } = cutConversation(tok, texts);
    const ended = texts.closed || tok.isAdded(said.at(-1) ?? -1); // the template's end of a turn
    return { prompt, response: ended ? said : [...said, tok.eosId] };
  }
  const { end = [] } = tok.around ?? {};
  const prompt = tok.encode(texts.prompt);
  return {
    prompt: prompt.length === 0 ? [] : begun(tok, prompt),
    response: [...tok.encode(texts.reply), ...(end.length > 0 ? end : [tok.eosId])],
  };
}

/**
 * A conversation's tokens are those of its whole text, as the model knows them, cut where the reply begins. A token that
 * reaches from the prompt into the reply (a space that belongs to the word behind it) is the reply's.
 */
function cutConversation(tok: Tokenizer, { prompt, reply }: ChatPair): { prompt: number[]; said: number[] } {
  const [before, whole] = [tok.encode(prompt), tok.encode(prompt + reply)];
  let at = before.length;
  if (before.some((id, i) => whole[i] !== id)) {
    const bytes = new TextEncoder().encode(prompt).length;
    const { ends } = tokenSpans(tok, prompt + reply);
    at = ends.findIndex((end) => end > bytes);
  }
  return { prompt: whole.slice(0, at), said: whole.slice(at) };
}

const replyOf = (row: Row, view: View): string | undefined => (view === "cot" ? row.outputCot : row.output);

/** A prompt alone, as a model that is to answer reads it. */
function askedTokens(tok: Tokenizer, row: Row, view: View): number[] {
  if (!templated(tok, row, view))
    return textIds(tok, (view === "cot" ? row.promptCot : undefined) ?? row.prompt);
  try {
    return tok.encode(tok.chat?.prompt(row.turns ?? [], row.tools) ?? "");
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new DataError(`row ${row.id}: ${error.message}`);
  }
}

const templated = (tok: Tokenizer, row: Row, view: View): boolean =>
  view === "plain" && row.turns !== undefined && tok.chat !== undefined;

function textsOf(tok: Tokenizer, row: Row, view: View): ChatPair {
  if (view === "plain") {
    const { chat } = tok;
    const { turns, tools, output } = row;
    if (!chat || !turns) return { prompt: row.prompt, reply: output, closed: false };
    try {
      return chat.pair(turns, output, tools);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      throw new DataError(`row ${row.id}: ${error.message}`);
    }
  }
  const { promptCot, outputCot } = row;
  if (promptCot !== undefined && outputCot !== undefined)
    return { prompt: promptCot, reply: outputCot, closed: false };
  throw new DataError(
    `row ${row.id} has no chain of thought; add "output_cot" or train on the plain view (data.view: "plain")`,
  );
}

/** |R|: how many positions of a sequence carry a loss. */
export const responseLength = ({ ids, promptLength }: Sequence): number => ids.length - promptLength;
