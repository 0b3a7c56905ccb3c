// A model's tokenizer, through transformers.js, with what it lacks: the bytes and the printed form of each token.

import { type ChatTemplate, chatTemplate } from "./chat-template";
import { hasTemplate, templateText, templateTraits, toMessage } from "./chat-jinja";
import { asObject } from "../families/config-fields";
import { ModelError, withFile } from "../errors";
import { messageOf } from "../../base/errors";
import { type ModelFiles, readJson } from "../files/files";
import { transformers } from "../hub";
import { displayBytes, type TokenScheme } from "./token-bytes";
import { limitTokens } from "./token-limit";
import { untrusted } from "../untrusted";
import { readVocabulary, type Vocabulary } from "./vocabulary";

export interface Tokenizer {
  /** Without special tokens around the text. */
  encode(text: string): number[];
  /** Special tokens are left out. */
  decode(ids: readonly number[]): string;
  /** For display: ␣ for a space, ↵ for a newline, ⟨E2⟩ for a byte that is no whole character. */
  tokenText(id: number): string;
  /** For byte-level tokenizers, the bytes of encode(text) add up to the UTF-8 of text; for all, see tokenSpans. */
  tokenBytes(id: number): Uint8Array;
  /** The token as the vocabulary writes it: "Ġthe", "▁the", "<0xE2>". */
  rawToken(id: number): string;
  readonly scheme: TokenScheme;
  /** A token of the list beside the vocabulary's own: ends of turns, headers, padding. */
  isAdded(id: number): boolean;
  readonly eosId: number;
  /** What ends a text: eos, and what the chat template or the post-processor ends it with where that is another token. */
  readonly stopIds: readonly number[];
  readonly padId: number;
  readonly vocabSize: number;
  /** What its own post-processor puts around a text (BOS in front, say); absent where it adds nothing. */
  readonly around?: SpecialTokens;
  /** Undefined when the model has none. */
  readonly chat?: ChatTemplate;
}

/** Tokens around a text; conversations have theirs from the chat template. */
export interface SpecialTokens {
  readonly start: readonly number[];
  readonly end: readonly number[];
}

const [TOKENIZER, SETTINGS, TEMPLATE] = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"];

/** A folder's tokenizer, which reads no token that the folder's model has no embedding for. */
export async function loadTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const [tokenizer, rows] = await Promise.all([readTokenizer(files), embeddingsOf(files)]);
  return rows === undefined ? tokenizer : limitTokens(tokenizer, rows);
}

/**
 * Whether a folder's tokenizer can be built and belongs to its model. No chat template is run: a stranger's may never end.
 *
 * @throws ModelError for what loading it would be refused for, but for what its chat template does
 */
export async function checkTokenizer(files: ModelFiles): Promise<void> {
  const [{ inner, settings, vocabulary, ends }, rows] = await Promise.all([
    buildTokenizer(files),
    embeddingsOf(files),
  ]);
  const around = aroundOf(inner, settings, vocabulary.size);
  if (rows === undefined) return;
  const bare = { ...vocabulary, ...ends, encode: () => [], stopIds: [], vocabSize: vocabulary.size, around };
  limitTokens(bare, rows);
}

/** What config.json says, where there is one: a tokenizer alone reads all that it knows. */
async function embeddingsOf(files: ModelFiles): Promise<number | undefined> {
  if (!files.asking && !(await files.has("config.json"))) return undefined;
  const { vocab_size: rows }: Record<string, unknown> = await readJson(files, "config.json").then(
    (json) => withFile("config.json", () => asObject(json)),
    (error: unknown) => {
      if (error instanceof ModelError && error.code === "missing-file") return {};
      throw error;
    },
  );
  return typeof rows === "number" && Number.isInteger(rows) && rows > 0 ? rows : undefined;
}

async function readSettings(files: ModelFiles): Promise<Record<string, unknown>> {
  const json = await readJson(files, SETTINGS).catch((error: unknown) => {
    if (!(error instanceof ModelError && error.code === "missing-file")) throw error;
    const message = `${error.message} It names the token that ends a text; \`tokenizer.save_pretrained\` writes it beside ${TOKENIZER}.`;
    throw new ModelError("missing-file", message, { file: SETTINGS, cause: error });
  });
  return withFile(SETTINGS, () => asObject(json));
}

interface Built {
  readonly inner: Inner;
  readonly settings: Record<string, unknown>;
  readonly vocabulary: Vocabulary;
  readonly ends: Pick<Tokenizer, "eosId" | "padId">;
}

async function buildTokenizer(files: ModelFiles): Promise<Built> {
  const [tokenizerJson, stored, { PreTrainedTokenizer }] = await Promise.all([
    readJson(files, TOKENIZER).then((json) => withFile(TOKENIZER, () => asObject(json))),
    readSettings(files),
    transformers(),
  ]);
  const vocabulary = withFile(TOKENIZER, () => vocabularyOf(tokenizerJson));
  const settings = await withTemplate(files, stored);
  let inner: Inner;
  try {
    inner = untrusted(
      `the tokenizer of ${files.id}, while it was built`,
      "build",
      () => new PreTrainedTokenizer(tokenizerJson, settings),
    );
  } catch (error) {
    const message = `${TOKENIZER}: transformers.js could not build it (${messageOf(error)})`;
    throw new ModelError("invalid", message, { file: TOKENIZER, cause: error });
  }
  const { eos_token_id: eosId, pad_token_id: padId } = inner;
  if (typeof eosId !== "number") {
    const message = `${SETTINGS}: eos_token must name a token of ${TOKENIZER}, got ${JSON.stringify(settings["eos_token"])}`;
    throw new ModelError("invalid", message, { file: SETTINGS });
  }
  const ends = { eosId, padId: typeof padId === "number" ? padId : eosId };
  return { inner, settings, vocabulary, ends };
}

const aroundOf = (inner: Inner, settings: Record<string, unknown>, size: number): SpecialTokens =>
  withFile(TOKENIZER, () => tokensAround(inner, settings, (id) => id >= 0 && id < size));

async function readTokenizer(files: ModelFiles): Promise<Tokenizer> {
  const { inner, settings, vocabulary, ends } = await buildTokenizer(files);
  const { rawToken, tokenBytes, scheme, isAdded, size } = vocabulary;
  const { eosId, padId } = ends;
  const joining = `the decoder of ${files.id}, while it joined tokens to a text`;
  const splitting = `the tokenizer of ${files.id}, while it split a text`;
  const encode = (text: string): number[] =>
    text === ""
      ? []
      : untrusted(splitting, "encode", () => inner.encode(text, { add_special_tokens: false }), text.length);
  const around = aroundOf(inner, settings, size);
  const writing = `the chat template of ${files.id}, while it wrote a conversation`;
  const chat = chatOf(
    inner,
    settings["chat_template"],
    [...idsWhere(size, isAdded), eosId].map(rawToken),
    writing,
  );
  const turnEnd = chat && lastToken(chat.turnEnd(), encode);
  const stops = [
    eosId,
    ...(turnEnd !== undefined && isAdded(turnEnd) ? [turnEnd] : []),
    ...around.end.slice(0, 1),
  ];
  return {
    encode,
    decode: (ids) =>
      ids.length === 0
        ? ""
        : untrusted(
            joining,
            "encode",
            () => inner.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
            4 * ids.length,
          ),
    tokenText: (id) => displayBytes(tokenBytes(id)),
    tokenBytes,
    rawToken,
    scheme,
    isAdded,
    eosId,
    stopIds: [...new Set(stops)],
    padId,
    vocabSize: size,
    ...(around.start.length + around.end.length > 0 && { around }),
    ...(chat && { chat }),
  };
}

/** @throws ModelError unless tokens have bytes of their own: everything that compares models goes by them. */
function vocabularyOf(json: Record<string, unknown>): Vocabulary {
  const vocabulary = readVocabulary(json);
  if (vocabulary.scheme !== "plain") return vocabulary;
  const message =
    "expected a byte-level (GPT-2, SmolLM2), metaspace (SentencePiece) or WordPiece tokenizer; this one is none of them";
  throw new ModelError("unsupported", message);
}

const idsWhere = (size: number, holds: (id: number) => boolean): number[] =>
  Array.from({ length: size }, (_, id) => id).filter(holds);

/** Newer folders keep the template in a file of its own. */
async function withTemplate(
  files: ModelFiles,
  settings: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  if (hasTemplate(settings["chat_template"]) || files.asking || !(await files.has(TEMPLATE))) return settings;
  return { ...settings, chat_template: new TextDecoder().decode(await files.read(TEMPLATE)) };
}

const lastToken = (text: string | undefined, encode: (text: string) => number[]): number | undefined =>
  text === undefined ? undefined : encode(`b${text}`).at(-1);

type Inner = InstanceType<Awaited<ReturnType<typeof transformers>>["PreTrainedTokenizer"]>;

/** The template is picked here and given by its text: of a list the library would take none but "default". */
function chatOf(
  inner: Inner,
  templates: unknown,
  added: readonly string[],
  writing: string,
): ChatTemplate | undefined {
  if (!hasTemplate(templates)) return undefined;
  return chatTemplate(
    (turns, { open, tools, marked = false }) => {
      const chat_template = templateText(templates, { tools: tools !== undefined, marked });
      const options = { tokenize: false, add_generation_prompt: open, chat_template } as const;
      const given = tools && { tools: tools.map((tool) => Object(tool) as object) };
      return untrusted(
        writing,
        "render",
        () => String(inner.apply_chat_template(turns.map(toMessage), { ...options, ...given })),
        turns.reduce((sum, turn) => sum + JSON.stringify(turn).length, 0),
      );
    },
    { marks: added, ...templateTraits(templates) },
  );
}

const PROBE = "a";

/** Classes of Transformers that make their post-processor anew, from add_bos_token and add_eos_token. */
const REBUILDS = /^(Code)?(Llama|Gemma|Cohere)Tokenizer(Fast)?$/;

/**
 * What the post-processor of tokenizer.json adds. Where tokenizer_config.json names a class that makes its own from
 * add_bos_token and add_eos_token, these decide where they are given.
 */
function tokensAround(
  inner: Inner,
  settings: Record<string, unknown>,
  known: (id: number) => boolean,
): SpecialTokens {
  const bare = inner.encode(PROBE, { add_special_tokens: false });
  const full = inner.encode(PROBE);
  const at = full.findIndex((_, i) => bare.every((id, k) => full[i + k] === id));
  const [before, behind] = at < 0 ? [[], []] : [full.slice(0, at), full.slice(at + bare.length)];
  const rebuilds = REBUILDS.test(String(settings["tokenizer_class"]));
  const flagged = (flag: unknown, ids: readonly number[], own: unknown): readonly number[] => {
    if (!rebuilds) return ids;
    if (flag === false) return [];
    return flag === true && ids.length === 0 && typeof own === "number" ? [own] : ids;
  };
  const { bos_token_id, eos_token_id } = inner as { bos_token_id?: unknown; eos_token_id?: unknown };
  const start = flagged(settings["add_bos_token"], before, bos_token_id);
  const end = flagged(settings["add_eos_token"], behind, eos_token_id);
  if (![...start, ...end].every((id) => typeof id === "number" && known(id)))
    throw new ModelError("invalid", "its post-processor adds a token that the vocabulary lacks");
  return { start, end };
}

/** The tokenizer as published code reads with it: nothing is put around a text. */
export function withoutSpecialTokens(tokenizer: Tokenizer): Tokenizer {
  const { around: _, ...bare } = tokenizer;
  return bare;
}
