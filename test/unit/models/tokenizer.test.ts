// tokenizer — plan
//   bytes     the bytes of encode(text) add up to the UTF-8 of text: sentences, random unicode, special tokens in text
//   decode    encode then decode is the text; special tokens left out
//   display   spaces, newlines, lone bytes; whole characters stay
//   metaspace ▁ and <0xE2>; the text up to the leading space
//   refusals  no such file, no JSON, no eos, another kind of tokenizer
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { loadTokenizer, memoryFiles, ModelError, type Tokenizer } from "../../../src/models";
import { concatBytes } from "../../../src/models/files/files";
import { displayBytes, rawTokenBytes } from "../../../src/models/tokenizer/token-bytes";
import { byteFallbackTokenizer } from "./byte-fallback";
import { byteChars, encode, tokenizerFiles } from "./tiny";

const load = (changes: Record<string, unknown> = {}) => {
  const files = tokenizerFiles();
  for (const [path, value] of Object.entries(changes)) files.set(path, encode(value));
  return loadTokenizer(memoryFiles("tiny", files));
};
const bytesOf = (tok: Tokenizer, text: string) =>
  concatBytes([new Uint8Array(0), ...tok.encode(text).map(tok.tokenBytes)]);

describe("byte-level", () => {
  const sentences = [
    "",
    " ",
    "the thing and  12\n\tthe",
    "naïve café ☕ 🧪👩‍🔬",
    "a<eos>b<pad>",
    "\u0000\u00ad\u00a0\ufeffx",
    "Ġ▁ is not a space",
  ];

  test.each(sentences)("bytes of %j", async (text) => {
    const tok = await load();
    expect(bytesOf(tok, text)).toEqual(new TextEncoder().encode(text));
    expect(tok.decode(tok.encode(text))).toBe(text.replaceAll(/<eos>|<pad>/g, ""));
  });

  test("bytes of random unicode", async () => {
    const tok = await load();
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());
    fc.assert(
      fc.property(text, (s) => {
        expect(bytesOf(tok, s)).toEqual(new TextEncoder().encode(s));
        expect(tok.decode(tok.encode(s)).replaceAll(/<eos>|<pad>/g, "")).toBe(
          s.replaceAll(/<eos>|<pad>/g, ""),
        );
      }),
      { numRuns: 1000, seed: 7 },
    );
  });

  test("an added token is its own text, even where it looks like byte characters", async () => {
    const json = JSON.parse(new TextDecoder().decode(tokenizerFiles().get("tokenizer.json"))) as {
      added_tokens: object[];
    };
    json.added_tokens.push({ ...json.added_tokens[0], id: 272, content: "Ġé" });
    const tok = await load({ "tokenizer.json": json });
    expect(tok.encode("aĠéb")).toContain(272);
    expect(bytesOf(tok, "aĠéb")).toEqual(new TextEncoder().encode("aĠéb"));
    expect([tok.tokenText(272), tok.vocabSize]).toEqual(["Ġé", 273]);
  });

  test("ids and sizes", async () => {
    const tok = await load();
    expect(tok).toMatchObject({ eosId: 1, padId: 0, vocabSize: 272, scheme: "byte-level" });
    expect(tok.encode("the the")).toEqual([259, 260]); // one merge of three bytes, one with the space in front
    expect(tok.rawToken(260)).toBe("Ġthe");
    expect(() => tok.rawToken(272)).toThrow("ids go from 0 to 271, got 272");
  });

  test("display", async () => {
    const tok = await load();
    const shown = (text: string) => tok.encode(text).map(tok.tokenText);
    expect(shown("the the\n")).toEqual(["the", "␣the", "↵"]);
    expect(shown("é")).toEqual(["⟨C3⟩", "⟨A9⟩"]);
    expect(tok.tokenText(0)).toBe("<pad>");
    expect(displayBytes(new TextEncoder().encode("a é\t☕\r\n🧪"))).toBe("a␣é⇥☕␍↵🧪");
    expect(displayBytes(Uint8Array.of(0xe2, 0x98, 0x41, 0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80))).toBe(
      "⟨E2⟩⟨98⟩A⟨FF⟩⟨C0⟩⟨80⟩⟨ED⟩⟨A0⟩⟨80⟩",
    );
  });

  test("the byte table is GPT-2's, and covers every byte once", () => {
    const bytes = byteChars().map((char) => rawTokenBytes(char, "byte-level"));
    expect(bytes.map(([byte]) => byte)).toEqual(Array.from({ length: 256 }, (_, i) => i));
    expect(rawTokenBytes("Ġhé", "byte-level")).toEqual(Uint8Array.of(0x20, 0x68, 0xe9));
    expect(rawTokenBytes("an added token", "byte-level")).toEqual(new TextEncoder().encode("an added token"));
  });
});

describe("metaspace", () => {
  const json = byteFallbackTokenizer(["▁", ..."abcdeh", "▁a", "▁b"], ["▁ a", "▁ b"]);
  const settings = {
    tokenizer_class: "LlamaTokenizer",
    eos_token: "</s>",
    unk_token: "<unk>",
    legacy: false,
  };

  test("a space is ▁, an unknown character its bytes", async () => {
    const tok = await load({ "tokenizer.json": json, "tokenizer_config.json": settings });
    expect(tok).toMatchObject({
      scheme: "metaspace",
      eosId: 2,
      padId: 2,
      vocabSize: Object.keys(json.model.vocab).length,
    });
    const text = "a bed ☕ h";
    const ids = tok.encode(text);
    expect(ids.map(tok.tokenText).join("|")).toBe("␣a|␣b|e|d|␣|⟨E2⟩|⟨98⟩|⟨95⟩|␣|h");
    expect(new TextDecoder().decode(bytesOf(tok, text))).toBe(` ${text}`); // SentencePiece's space in front
    expect(tok.decode(ids)).toBe(text);
  });
});

describe("refusals", () => {
  const cases: [string, Record<string, unknown>, string][] = [
    ["no eos_token", { "tokenizer_config.json": {} }, "eos_token must name a token"],
    ["eos_token not in the vocabulary", { "tokenizer_config.json": { eos_token: "<stop>" } }, 'got "<stop>"'],
    ["an array", { "tokenizer.json": [] }, "tokenizer.json: expected a JSON object, got an array"],
    [
      "WordPiece",
      { "tokenizer.json": { pre_tokenizer: { type: "BertPreTokenizer" } } },
      "this one is none of them",
    ],
    ["no model", { "tokenizer.json": { decoder: { type: "ByteLevel" } } }, "could not build it"],
  ];
  test.each(cases)("%s", async (_, changes, words) => {
    const error: unknown = await load(changes).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ModelError);
    expect(String(error)).toContain(words);
  });

  test("files that are missing or no JSON", async () => {
    const files = tokenizerFiles();
    files.set("tokenizer.json", Uint8Array.of(0xff, 0x7b));
    await expect(loadTokenizer(memoryFiles("m", files))).rejects.toMatchObject({
      code: "invalid",
      file: "tokenizer.json",
    });
    files.delete("tokenizer_config.json");
    files.set("tokenizer.json", encode({}));
    await expect(loadTokenizer(memoryFiles("m", files))).rejects.toMatchObject({
      code: "missing-file",
      message:
        'Model "m" needs tokenizer_config.json, but it holds tokenizer.json. Add the file to the model folder. It names the token that ends a text; `tokenizer.save_pretrained` writes it beside tokenizer.json.',
    });
  });
});
