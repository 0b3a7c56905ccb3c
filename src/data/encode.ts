// A row as token ids on one side (student or teacher): METHODS.md §0.
//
//   x = prompt[:maxPrompt] ++ response ++ [eos] (of a conversation: the template's end of the turn), truncated to maxLength;  inputs x[:-1], label at p is x[p+1]
//   R = {p : |prompt| − 1 ≤ p < |x| − 1}: each predicts a response token, the last one eos

import { ModelError, type Tokenizer } from "../models";
import { DataError } from "./errors";
import type { Row, View } from "./rows";

export interface Sequence {
  readonly ids: Int32Array;
  /** Tokens of the prompt that are left, at least 1. */
  readonly promptLength: number;
  /** Something was cut to fit: the prompt (on its right) or the response (then eos is gone). */
  readonly truncated: boolean;
}

/** Tokens; `maxPrompt` must leave room below `maxLength`. */
export interface LengthLimits {
  readonly maxLength: number;
  readonly maxPrompt: number;
}

/** What the paper's code uses. */
export const PAPER_LIMITS: LengthLimits = { maxLength: 512, maxPrompt: 256 };

export function encodeRow(
  tok: Tokenizer,
  row: Row,
  view: View,
  maxLength: number,
  maxPrompt: number,
): Sequence {
  if (!(Number.isInteger(maxLength) && Number.isInteger(maxPrompt) && maxPrompt >= 1)) {
    throw new RangeError(
      `length limits must be whole numbers from 1, got maxLength ${maxLength}, maxPrompt ${maxPrompt}`,
    );
  }
  const { prompt: promptText, response } = textsOf(tok, row, view);
  const prompt = tok.encode(promptText);
  if (templated(tok, row, view) && prompt.length > maxPrompt) {
    throw new DataError(
      `row ${row.id}: its conversation takes ${prompt.length} tokens and would be cut at ${maxPrompt}, before the reply's ` +
        "head; raise the prompt's maximum length",
    );
  }
  const kept = prompt.slice(0, maxPrompt);
  if (kept.length === 0) throw new DataError(`row ${row.id}: its prompt has no tokens`);
  if (kept.length >= maxLength) {
    throw new DataError(
      `row ${row.id}: its prompt takes ${kept.length} of ${maxLength} tokens and leaves no room for a response; ` +
        "raise the maximum length or lower the prompt's",
    );
  }
  const said = tok.encode(response);
  const ended = templated(tok, row, view) && tok.isAdded(said.at(-1) ?? -1); // the template's end of a turn
  const whole = [...kept, ...said, ...(ended ? [] : [tok.eosId])];
  const truncated = kept.length < prompt.length || whole.length > maxLength;
  return { ids: Int32Array.from(whole.slice(0, maxLength)), promptLength: kept.length, truncated };
}

/** What a model is asked with: a conversation in its own template where it has one, else the row's text. */
export const promptText = (tok: Tokenizer, row: Row, view: View): string => textsOf(tok, row, view).prompt;

const templated = (tok: Tokenizer, row: Row, view: View): boolean =>
  view === "plain" && row.turns !== undefined && tok.chat !== undefined;

function textsOf(tok: Tokenizer, row: Row, view: View): { prompt: string; response: string } {
  if (view === "plain") {
    const { chat } = tok;
    const { turns, output } = row;
    if (!chat || !turns) return { prompt: row.prompt, response: output };
    try {
      return { prompt: chat.prompt(turns), response: chat.reply(turns, output) };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      throw new DataError(`row ${row.id}: ${error.message}`);
    }
  }
  const { promptCot, outputCot } = row;
  if (promptCot !== undefined && outputCot !== undefined) return { prompt: promptCot, response: outputCot };
  throw new DataError(`row ${row.id} has no chain of thought; add "output_cot" or train on the plain view`);
}

/** |R|: how many positions of a sequence carry a loss. */
export const responseLength = ({ ids, promptLength }: Sequence): number => ids.length - promptLength;
