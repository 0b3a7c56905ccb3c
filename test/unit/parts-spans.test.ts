// couplet/spans: any library's tokenizer as text with bytes — plan
//   sources     transformers.js, @huggingface/tokenizers and a tokenizer.json alone read a text alike, byte-level and metaspace
//   kinds       WordLevel and BPE with </w>, which mark no bytes: spans by hand
//   special     BOS and EOS around a text cover nothing; the same token written out covers what is written
//   characters  spans as places of a string, by hand: inside an emoji, dropped spaces, nothing
//   align       chunks, coverage and what is left out, by hand; both ways round they are each other's mirror; two texts
//   matched     by bytes and by spelling
//   errors      what is no tokenizer, a damaged file, ids beyond
import { Tokenizer } from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";
import { transformers } from "../../src/models/hub";
import {
  align,
  characterSpans,
  leastShare,
  matchedTokens,
  readTokenizer,
  tokenSpans,
} from "../../src/parts/spans";
import { tokenizerJson, type Traits } from "../support/made-tokenizers";
import { special } from "./models/tiny";

const QWEN: Traits = { scheme: "byte-level", words: ["Hel", "lo", " wor", "ld", "é", "日", " the"] };
const GEMMA: Traits = {
  scheme: "metaspace",
  words: [" Hello", " world", "日本", " the", "é"],
  prefixSpace: true,
};
const read = (traits: Traits) => readTokenizer(tokenizerJson(traits));
const TEXT = "Hello world, café 日本 🙂!";

/** Texts of spans; half characters are shown as U+FFFD. */
const pieces = (text: string, { starts, ends }: { starts: readonly number[]; ends: readonly number[] }) => {
  const bytes = new TextEncoder().encode(text);
  return starts.map((from, i) => new TextDecoder().decode(bytes.subarray(from, ends[i])));
};

describe("sources", () => {
  test.each([QWEN, GEMMA])("$scheme: three libraries, one reading", async (traits) => {
    const json = tokenizerJson(traits);
    const { PreTrainedTokenizer } = await transformers();
    const config = { tokenizer_class: "PreTrainedTokenizerFast", eos_token: "</s>" };
    const readers = await Promise.all(
      [new PreTrainedTokenizer(json, config), new Tokenizer(json, config), json].map((source) =>
        readTokenizer(source),
      ),
    );
    const spans = readers.map((reader) => tokenSpans(reader, TEXT));
    expect(spans[1]).toEqual(spans[0]);
    expect(spans[2]).toEqual(spans[0]);
    expect(pieces(TEXT, spans[0]!)).toEqual(
      traits === QWEN
        ? [
            "Hel",
            "lo",
            " wor",
            "ld",
            ",",
            " ",
            "c",
            "a",
            "f",
            "é",
            " ",
            "日",
            ..."\ufffd\ufffd\ufffd",
            " ",
            ..."\ufffd".repeat(4),
            "!",
          ]
        : ["Hello", " world", ",", " ", "c", "a", "f", "é", " ", "日本", " ", ..."\ufffd".repeat(4), "!"],
    );
    const ends = spans[0]!.ends;
    expect(spans[0]!.starts).toEqual([0, ...ends.slice(0, -1)]);
    expect(ends.at(-1)).toBe(new TextEncoder().encode(TEXT).length);
    expect(readers.map(({ vocabSize, scheme }) => [vocabSize, scheme])).toEqual(
      Array.from({ length: 3 }, () => [readers[0]!.vocabSize, traits.scheme]),
    );
  });

  test("a reading of one's own", async () => {
    const json = tokenizerJson(QWEN);
    const own = await readTokenizer(json, { encode: () => [0] });
    expect(own.encode("anything")).toEqual([0]);
    expect(own.encode("")).toEqual([]);
  });
});

const json = (vocab: string[], rest: object, model: object) => ({
  added_tokens: [special(0, "<s>"), special(1, "</s>")],
  ...{
    normalizer: null,
    pre_tokenizer: { type: "Whitespace" },
    post_processor: null,
    decoder: null,
    ...rest,
  },
  model: {
    vocab: Object.fromEntries(["<s>", "</s>", ...vocab].map((token, id) => [token, id])),
    unk_token: "<unk>",
    ...model,
  },
});

describe("vocabularies that mark no bytes", () => {
  test("WordLevel", async () => {
    const words = await readTokenizer(json(["<unk>", "big", "dog", "runs"], {}, { type: "WordLevel" }), {
      encode: (text) =>
        text.split(/\s+/).map((word) => ["<s>", "</s>", "<unk>", "big", "dog", "runs"].indexOf(word)),
    });
    expect(words.scheme).toBe("plain");
    const text = "big  dog runs";
    expect(tokenSpans(words, text)).toEqual({ ids: [3, 4, 5], starts: [0, 3, 8], ends: [3, 8, 13] });
  });

  test("BPE with </w>", async () => {
    const merges = ["l o", "w </w>", "lo w</w>"];
    const vocab = ["<unk>", "l", "o", "w", "w</w>", "o</w>", "lo", "low</w>"];
    const bpe = await readTokenizer(json(vocab, {}, { type: "BPE", merges, end_of_word_suffix: "</w>" }));
    expect(pieces("low lo", tokenSpans(bpe, "low lo"))).toEqual(["low", " l", "o"]);
    expect(new TextDecoder().decode(bpe.tokenBytes(9))).toBe("low");
    expect(bpe.rawToken(9)).toBe("low</w>");
  });
});

test("special tokens around a text cover nothing, unless the text writes them", async () => {
  const reader = await read(GEMMA);
  const [pad = -1, eos = -1] = ["<pad>", "</s>"].map((token) => reader.encode(token)[0]);
  expect(reader.isSpecial(eos)).toBe(true);
  const ids = reader.encode("Hello world ");
  const spans = tokenSpans(reader, "Hello world ", [pad, ...ids, eos, eos]);
  expect(pieces("Hello world ", spans)).toEqual(["", "Hello", " world", " ", "", ""]);
  expect(pieces("Hello</s>", tokenSpans(reader, "Hello</s>"))).toEqual(["Hello", "</s>"]);
  expect(tokenSpans(reader, "", [pad, eos])).toEqual({ ids: [pad, eos], starts: [0, 0], ends: [0, 0] });
  expect(tokenSpans(reader, "")).toEqual({ ids: [], starts: [], ends: [] });
});

test("spans as places of a string", () => {
  const text = "aé🙂 b"; // bytes 1 2 4 1 1, code units 1 1 2 1 1
  const spans = { starts: [0, 1, 2, 3, 5, 7, 9, 9], ends: [1, 2, 3, 5, 7, 9, 9, 9] };
  const { starts, ends } = characterSpans(text, spans);
  expect(starts.map((from, i) => text.slice(from, ends[i]))).toEqual([
    "a",
    "é",
    "é",
    "🙂",
    "🙂",
    " b",
    "",
    "",
  ]);
  expect(characterSpans("", { starts: [0], ends: [0] })).toEqual({ starts: [0], ends: [0] });
});

describe("align", () => {
  test("chunks, coverage and what is left out", async () => {
    const [student, teacher] = [await read(QWEN), await read(GEMMA)];
    const aligned = align(student, teacher, "Hello world");
    expect(aligned.chunks).toEqual([
      { student: [0, 2], teacher: [0, 1] },
      { student: [2, 4], teacher: [1, 2] },
    ]);
    expect(aligned.coverage).toEqual({
      student: { aligned: 4, tokens: 4 },
      teacher: { aligned: 2, tokens: 2 },
    });
    expect(aligned.apart).toEqual({ student: [], teacher: [] });
    const mirrored = align(teacher, student, "Hello world");
    expect(mirrored.chunks.map((chunk) => ({ student: chunk.teacher, teacher: chunk.student }))).toEqual(
      aligned.chunks,
    );
  });

  test("two texts that differ", async () => {
    const reader = await read(QWEN);
    const { chunks, apart, coverage } = align(reader, reader, {
      student: "Hello the ld",
      teacher: "Hello wor ld",
    });
    const told = (side: "student" | "teacher") =>
      chunks.flatMap((chunk) =>
        [...Array(chunk[side][1] - chunk[side][0])].map((_, k) => chunk[side][0] + k),
      );
    expect(apart.student.length).toBeGreaterThan(0);
    expect([...told("student"), ...apart.student].toSorted((a, b) => a - b)).toEqual(
      reader.encode("Hello the ld").map((_, k) => k),
    );
    expect(leastShare(coverage)).toBeLessThan(1);
    expect(leastShare(coverage)).toBeGreaterThan(0);
  });
});

test("matched tokens", async () => {
  const [student, teacher] = [await read(QWEN), await read(GEMMA)];
  const texts = (by: "bytes" | "spelling") => {
    const matched = matchedTokens(student, teacher, { by });
    expect(matched.student.length).toBe(matched.teacher.length);
    const text = (reader: typeof student, id: number) =>
      new TextDecoder("latin1").decode(reader.tokenBytes(id));
    if (by === "bytes")
      matched.student.forEach((id, k) => expect(text(teacher, matched.teacher[k]!)).toBe(text(student, id)));
    return matched.student.map((id) => new TextDecoder().decode(student.tokenBytes(id)));
  };
  expect(texts("bytes")).toEqual(expect.arrayContaining(["</s>", "é", "日", " the", "a", "\n"]));
  expect(texts("spelling")).not.toContain("日");
  expect(texts("spelling")).toContain(" the");
});

describe("errors", () => {
  test.each([
    [null, /expected a tokenizer of transformers.js.*got null/],
    ["{}", /JSON.parse it first/],
    [{ tokens: [] }, /got an object with tokens/],
    [{ encode: () => [] }, /does not carry its tokenizer.json.*pass the parsed/],
    [{ model: { type: "BPE", vocab: { a: 1e9 }, merges: [] } }, /token "a" has the id 1000000000/],
    [{ model: { type: "Unheard" } }, /could not build this tokenizer.json/],
  ])("%j", async (source, message) => {
    await expect(readTokenizer(source as object)).rejects.toThrow(message);
  });
  test("a word without an id", async () => {
    const words = await readTokenizer(json(["hello"], {}, { type: "WordLevel" }));
    expect(() => words.encode("other")).toThrow(/gave the token id undefined.*give \{ encode \}/);
  });
  test("an id beyond", async () => {
    const reader = await read(QWEN);
    expect(() => reader.tokenBytes(reader.vocabSize)).toThrow(/token ids go from 0 to/);
  });
});
