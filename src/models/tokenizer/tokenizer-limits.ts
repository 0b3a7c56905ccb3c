// What a tokenizer.json may claim. The library makes a list as long as the largest id and follows nested parts by calling
// itself, so that a single line of a stranger's file could take the memory or the stack of whoever reads it.

import { ModelError } from "../errors";

/** Ids may have gaps (fine-tuned models leave some), but not so many. */
const MOST_ID = (tokens: number): number => 8 * tokens + 2 ** 16;
/** Real pipelines nest three or four parts. */
const MOST_DEPTH = 64;
const PARTS = ["normalizer", "pre_tokenizer", "post_processor", "decoder"] as const;

/** @throws ModelError naming the token whose id is absurd, or the part that is nested without end. */
export function checkTokenizerClaims(json: Readonly<Record<string, unknown>>): void {
  const named = [...vocabulary(json["model"]), ...added(json["added_tokens"])];
  const listed = listLength(json["model"]);
  const most = MOST_ID(named.length + listed);
  for (const [token, id] of named) {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id <= most) continue;
    const shown = JSON.stringify(token.length > 40 ? `${token.slice(0, 40)}…` : token);
    throw invalid(`the token ${shown} has the id ${String(id)}, among ${named.length + listed} tokens`);
  }
  const unknown = isRecord(json["model"]) ? json["model"]["unk_id"] : undefined;
  if (unknown !== undefined && unknown !== null && !(Number(unknown) >= 0 && Number(unknown) < listed))
    throw invalid(`its unk_id is ${JSON.stringify(unknown)}, which is none of its ${listed} tokens`);
  for (const part of PARTS)
    if (deeper(json[part], MOST_DEPTH))
      throw invalid(`its ${part} is nested more than ${MOST_DEPTH} levels deep`);
}

const invalid = (what: string): ModelError =>
  new ModelError("invalid", `tokenizer.json: ${what}. The file is broken, or was made to do harm.`, {
    file: "tokenizer.json",
  });

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Of BPE and WordPiece, whose vocabularies give ids; a list's places are its ids. */
function vocabulary(model: unknown): [string, unknown][] {
  const vocab = isRecord(model) ? model["vocab"] : undefined;
  return isRecord(vocab) && !Array.isArray(vocab) ? Object.entries(vocab) : [];
}

/** Of Unigram: its vocabulary is a list. */
const listLength = (model: unknown): number =>
  isRecord(model) && Array.isArray(model["vocab"]) ? model["vocab"].length : 0;

function added(list: unknown): [string, unknown][] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown): [string, unknown][] =>
    isRecord(entry) ? [[String(entry["content"]), entry["id"]]] : [],
  );
}

/** Without calling itself: the file decides how deep it goes. */
function deeper(top: unknown, most: number): boolean {
  let level: unknown[] = [top];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true;
    level = level.flatMap((value) => (isRecord(value) ? Object.values(value) : []));
  }
  return false;
}
