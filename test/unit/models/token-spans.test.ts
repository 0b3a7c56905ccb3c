// spans of tokens over the bytes of a text — plan
//   tiling     × {byte-level BPE, SentencePiece-style BPE with byte fallback, Unigram with metaspace, WordPiece}, all with
//              added tokens: spans of any UTF-8 text tile it exactly, in order (control: a table of the right answers)
//   meaning    byte-level spans are the bytes of the tokens; words of every kind cover themselves
//   chat       the model's own template, where it has one
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadTokenizer, memoryFiles, type Tokenizer, tokenSpans } from "../../../src/models";
import { byteFallbackTokenizer } from "./byte-fallback";
import { encode, special, tokenizerFiles } from "./tiny";

const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789.,!?éüß日本"];
const index = (tokens: string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]));

const BYTE_FALLBACK = () =>
  byteFallbackTokenizer(
    ["▁", ...letters, "▁t", "th", "▁th", "the", "▁the", "an", "▁an", "and"],
    ["▁ t", "t h", "▁t h", "th e", "▁th e", "a n", "▁ an", "an d"],
  );
const UNIGRAM = () => {
  const tokens = ["<pad>", "</s>", "<unk>", "▁", ...letters, "▁the", "▁and", "the", "ing", "▁a"];
  return {
    added_tokens: [special(0, "<pad>"), special(1, "</s>"), special(2, "<unk>")],
    normalizer: { type: "NFKC" },
    pre_tokenizer: { type: "Metaspace", replacement: "▁", add_prefix_space: true, prepend_scheme: "always" },
    post_processor: null,
    decoder: { type: "Metaspace", replacement: "▁", add_prefix_space: true, prepend_scheme: "always" },
    model: {
      type: "Unigram",
      unk_id: 2,
      vocab: tokens.map((token, i) => [token, i < 3 ? 0 : -2 - token.length / 10]),
    },
  };
};
const WORDPIECE = () => {
  const tokens = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    ...letters,
    ...letters.map((c) => `##${c}`),
    "the",
    "##ing",
    "and",
    "cafe",
  ];
  return {
    added_tokens: [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: index(tokens),
    },
  };
};

const build = (json: object, eos: string, pad: string, more: object = {}): Promise<Tokenizer> =>
  loadTokenizer(
    memoryFiles(
      "kind",
      new Map([
        ["tokenizer.json", encode({ version: "1.0", truncation: null, padding: null, ...json })],
        [
          "tokenizer_config.json",
          encode({
            tokenizer_class: "PreTrainedTokenizerFast",
            eos_token: eos,
            pad_token: pad,
            clean_up_tokenization_spaces: false,
            ...more,
          }),
        ],
      ]),
    ),
  );
const KINDS: [string, () => Promise<Tokenizer>][] = [
  ["byte-level", () => loadTokenizer(memoryFiles("tiny", tokenizerFiles()))],
  ["byte fallback", () => build(BYTE_FALLBACK(), "</s>", "<s>")],
  ["unigram", () => build(UNIGRAM(), "</s>", "<pad>")],
  ["wordpiece", () => build(WORDPIECE(), "[SEP]", "[PAD]")],
];

function pieces(tokenizer: Tokenizer, text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  const { ids, ends } = tokenSpans(tokenizer, text);
  expect(ends).toHaveLength(ids.length);
  expect(ends).toEqual(ends.toSorted((a, b) => a - b));
  if (ends.length > 0) expect(ends.at(-1)).toBe(bytes.length);
  return ends.map((end, i) => new TextDecoder().decode(bytes.subarray(ends[i - 1] ?? 0, end)));
}

describe.each(KINDS)("%s", (name, load) => {
  test("spans of any text tile it exactly", async () => {
    const tokenizer = await load();
    const odd = fc.constantFrom(
      "the ",
      " and",
      "\n\n",
      "  ",
      "é",
      "e\u0301",
      "ﬁ",
      "日本",
      "👩‍🔬",
      "</s>",
      "[SEP]",
      "<unk>",
      "[UNK]",
      "▁",
      "##a",
      "<0xE2>",
      "\u200b",
      "İ",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
      fc.array(odd).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (s) => void pieces(tokenizer, s)),
      { numRuns: 1500, seed: 11 },
    );
  });

  test("words cover themselves", async () => {
    const tokenizer = await load();
    const text = "the and the";
    const { ids } = tokenSpans(tokenizer, text);
    const joined = pieces(tokenizer, text);
    expect(joined.join("")).toBe(text);
    const trimmed = joined.map((piece) => piece.trim()).filter(Boolean);
    for (const [i, id] of ids.entries()) {
      const token = new TextDecoder().decode(tokenizer.tokenBytes(id)).trim();
      if (token !== "") expect(joined[i]!.trim(), `${name} ${i}`).toBe(token);
    }
    expect(trimmed.join("").replaceAll(" ", "")).toBe("theandthe");
  });
});

test("the right answers, by hand", async () => {
  const [bytes, fallback, unigram, wordpiece] = await Promise.all(KINDS.map(([, load]) => load()));
  expect(pieces(bytes!, "the é")).toEqual(["the", " ", "\uFFFD", "\uFFFD"]);
  expect(pieces(fallback!, "the and ☕")).toEqual(["the", " an", "d", " ", "\uFFFD", "\uFFFD", "\uFFFD"]);
  expect(pieces(unigram!, "the ab the")).toEqual(["the", " a", "b", " the"]);
  expect(pieces(wordpiece!, "The  Café, thing 👩 x")).toEqual(
    ["The", "  Café", ",", " th", "ing", " 👩", " x"].flatMap((p) => (p === " th" ? [" t", "h"] : [p])),
  );
  expect(pieces(wordpiece!, "a[SEP]b ")).toEqual(["a", "[SEP]", "b "]);
});

test("byte-level spans are the bytes of the tokens", async () => {
  const tokenizer = await KINDS[0]![1]();
  const { ids, ends } = tokenSpans(tokenizer, "naïve the café 👩‍🔬");
  let at = 0;
  expect(ends).toEqual(ids.map((id) => (at += tokenizer.tokenBytes(id).length)));
});

test("chat: the model's template, where it has one", async () => {
  const template =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
  const tokenizer = await build(BYTE_FALLBACK(), "</s>", "<s>", { chat_template: template });
  expect(tokenizer.chat!.prompt([{ role: "user", content: "Up?" }])).toBe("<user>Up?<assistant>");
  expect((await KINDS[0]![1]()).chat).toBeUndefined();
});
