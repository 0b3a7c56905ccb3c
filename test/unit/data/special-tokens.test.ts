// what stands around a text — plan (tiny byte-level tokenizers; the ids are counted by hand from the post-processor's template)
//   own         × {none, BOS, BOS and EOS, a sequence of processors, BERT's}: prompts begin and answers end as its own
//               post-processor says; never two ends; what a model is asked begins alike
//   flags       add_bos_token and add_eos_token of tokenizer_config.json decide for the classes that go by them, for no others
//   none        as published: nothing in front, eos behind
//   chats       conversations have theirs from the template: never twice, and none that the template does not write
//   cut         BOS counts among the prompt's tokens; a row that is cut keeps BOS and has no end
//   bundled     the four bundled tokenizers put nothing around a text
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeRow, promptIds, type Row, textIds } from "../../../src/data";
import { loadTokenizer, type Tokenizer, withoutSpecialTokens } from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { CHATML, type Family, LLAMA3, load } from "./chat-families";

const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
const TEXT = { Sequence: { id: "A", type_id: 0 } };
const template = (...single: object[]) => ({
  type: "TemplateProcessing",
  single,
  pair: single,
  special_tokens: {},
});
const BOS = template(special("<bos>"), TEXT);
const BOTH = template(special("<bos>"), TEXT, special("<eos>"));
const SEQUENCE = {
  type: "Sequence",
  processors: [{ type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true }, BOS],
};
const BERT = { type: "BertProcessing", cls: ["<bos>", 272], sep: ["<sep>", 273] };

const family = (postProcessor?: object, more: object = {}): Family => ({
  ...{ template: "", marks: ["<bos>", "<sep>"], eos: "<eos>", bos: "<bos>", more },
  ...(postProcessor && { postProcessor }),
});
const [EOS, BOS_ID, SEP] = [1, 272, 273];
const ROW: Row = {
  id: "r",
  prompt: "Why? ",
  output: "So.",
  promptCot: "Why? Think. ",
  outputCot: "Then so.",
};
const idsOf = (tok: Tokenizer, view: "plain" | "cot" = "plain") => [
  ...encodeRow(tok, ROW, view, 200, 100).ids,
];

describe("as its own post-processor says", () => {
  test.each<[string, object | undefined, number[], number[]]>([
    ["none", undefined, [], [EOS]],
    ["BOS", BOS, [BOS_ID], [EOS]],
    ["BOS and EOS", BOTH, [BOS_ID], [EOS]],
    ["a sequence of processors", SEQUENCE, [BOS_ID], [EOS]],
    ["another end than eos", BERT, [BOS_ID], [SEP]],
  ])("%s", async (_, postProcessor, start, end) => {
    const tok = await load(family(postProcessor));
    for (const [view, prompt, output] of [
      ["plain", ROW.prompt, ROW.output],
      ["cot", ROW.promptCot!, ROW.outputCot!],
    ] as const) {
      expect(idsOf(tok, view)).toEqual([...start, ...tok.encode(prompt), ...tok.encode(output), ...end]);
      expect(promptIds(tok, ROW, view, 100)).toEqual([...start, ...tok.encode(prompt)]);
      expect(encodeRow(tok, ROW, view, 200, 100).promptLength).toBe(start.length + tok.encode(prompt).length);
    }
    expect(textIds(tok, "a")).toEqual([...start, ...tok.encode("a")]);
    expect(tok.stopIds).toContain(end[0]);
    expect(tok.stopIds).toContain(EOS);
  });

  test("flags of tokenizer_config.json decide for the classes that go by them, for no others", async () => {
    const idsWith = async (postProcessor: object | undefined, flags: object, tokenizer_class?: string) =>
      idsOf(await load(family(postProcessor, { ...flags, ...(tokenizer_class && { tokenizer_class }) })));
    const off = { add_bos_token: false, add_eos_token: false };
    for (const name of ["LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizer", "CodeLlamaTokenizerFast"]) {
      expect((await idsWith(undefined, { add_bos_token: true }, name))[0]).toBe(BOS_ID);
      expect((await idsWith(BOTH, off, name))[0]).not.toBe(BOS_ID);
      expect((await idsWith(BOS, { add_eos_token: true }, name)).slice(-2)).not.toEqual([EOS, EOS]);
      expect((await idsWith(BERT, off, name)).at(-1)).toBe(EOS);
    }
    for (const name of [undefined, "PreTrainedTokenizerFast", "Qwen2Tokenizer"]) {
      expect((await idsWith(BOS, off, name))[0]).toBe(BOS_ID);
      expect((await idsWith(undefined, { add_bos_token: true }, name))[0]).not.toBe(BOS_ID);
    }
  });

  test("any text: one BOS, one end", async () => {
    const [tok, bare] = [await load(family(BOTH)), await load(family())];
    const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, text, (prompt, output) => {
        const row = { id: "r", prompt, output };
        const [mine, plain] = [tok, bare].map((one) => encodeRow(one, row, "plain", 2000, 1000));
        expect([...mine!.ids]).toEqual([BOS_ID, ...plain!.ids]);
        expect(mine!.promptLength).toBe(plain!.promptLength + 1);
      }),
      { seed: 2, numRuns: 200 },
    );
  });
});

test("a prompt that brings its BOS gets no second one", async () => {
  const tok = await load(family(BOS));
  const row = { id: "r", prompt: "<bos>Why? ", output: "So." };
  expect([...encodeRow(tok, row, "plain", 200, 100).ids].filter((id) => id === BOS_ID)).toHaveLength(1);
});

test("none, as published: nothing in front, eos behind", async () => {
  const bare = idsOf(await load(family()));
  for (const postProcessor of [BOS, BOTH, SEQUENCE, BERT])
    expect(idsOf(withoutSpecialTokens(await load(family(postProcessor))))).toEqual(bare);
});

test("a conversation has what its template writes, once", async () => {
  const turns = [{ role: "user" as const, content: "Why?" }];
  const row = { ...ROW, turns };
  const count = async (from: Family, mark: string) => {
    const tok = await load(from);
    const { ids, promptLength } = encodeRow(tok, row, "plain", 200, 100);
    expect(promptIds(tok, row, "plain", 100)).toEqual([...ids.subarray(0, promptLength)]);
    return [...ids].filter((id) => tok.rawToken(id) === mark).length;
  };
  const begins = template(special("<|begin_of_text|>"), TEXT);
  expect(await count({ ...LLAMA3, postProcessor: begins }, "<|begin_of_text|>")).toBe(1);
  const marks = [...CHATML.marks, "<|begin|>"];
  const silent = { ...CHATML, marks, postProcessor: template(special("<|begin|>"), TEXT) };
  expect(await count(silent, "<|begin|>")).toBe(0); // the template is the whole text
});

test("BOS counts among the prompt's tokens; a row that is cut has no end", async () => {
  const tok = await load(family(BOTH));
  const { ids, promptLength, truncated } = encodeRow(tok, ROW, "plain", 6, 4);
  expect([...ids]).toEqual([BOS_ID, ...tok.encode("Why"), ...tok.encode("So")]);
  expect([promptLength, truncated]).toEqual([4, true]);
  expect([...encodeRow(tok, ROW, "plain", 7, 4).ids].at(-1)).not.toBe(EOS); // only the end is lacking
  expect([...encodeRow(tok, ROW, "plain", 8, 4).ids].at(-1)).toBe(EOS); // the answer is whole
});

test("a post-processor whose token the vocabulary lacks is refused", async () => {
  await expect(load(family(template(special("<start>"), TEXT)))).rejects.toThrow(
    /tokenizer\.json: its post-processor adds a token that the vocabulary lacks/,
  );
});

test.each(["couplet-teacher", "couplet-student", "couplet-student-near", "couplet-gpt2"])(
  "%s",
  async (id) => {
    const dir = new URL(`../../../public/models/${id}`, import.meta.url).pathname;
    const tok = await loadTokenizer(folderFiles(id, dir));
    expect(tok.around).toBeUndefined();
    expect(tok.stopIds).toEqual([tok.eosId]);
  },
);
