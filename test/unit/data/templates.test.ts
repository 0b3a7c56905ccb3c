// templates × conversations — plan
//   always open   a template that opens a reply behind every conversation: reply and stop are those of its own turn
//   boilerplate   an empty thought that one side writes is part of its prompt: neither loss nor alignment begins before the reply
//   lists         {default, tool_use} as a list, as an object; one under another name; several without a default
//   marks         {% generation %} blocks say what a model learns, with any white space around the tags
//   boundary      a token that reaches from the prompt into the reply (SentencePiece's space) is the reply's, once
//   left out      a template that drops a message, or the tools, drops the row by name
//   thought       a reply that brings its own thought keeps it
//   everything    random conversations × all families: prompt ++ reply is how the template's text begins, the reply is the
//                 person's own words and their end, no boilerplate; the ids are those of the whole text
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { alignChunks, encodeRow, promptIds, promptText, type Row, type Sequence } from "../../../src/data";
import { type ChatTurn, loadTokenizer, memoryFiles, type Tokenizer } from "../../../src/models";
import { GENERATION } from "../../../src/models/tokenizer/chat-template";
import { concatBytes } from "../../../src/models/files/files";
import { templateText } from "../../../src/models/tokenizer/chat-jinja";
import { byteFallbackTokenizer } from "../models/byte-fallback";
import { encode } from "../models/tiny";
import {
  ALWAYS_OPEN,
  ALWAYS_OPEN_WORDS,
  BRACKETS,
  CHATML,
  type Family,
  GEMMA,
  GENERATION_TAGS,
  LLAMA3,
  load,
  THINKING,
} from "./chat-families";

const rowOf = (turns: readonly ChatTurn[], output: string, more: Partial<Row> = {}): Row => ({
  ...{ id: "r", prompt: "written", output, turns },
  ...more,
});
const ANT = rowOf([{ role: "user", content: "How many legs has an ant?" }], "Six.");
const encoded = (tok: Tokenizer, row: Row) => encodeRow(tok, row, "plain", 512, 400);
const pieces = (tok: Tokenizer, { ids, promptLength }: Sequence) => {
  const text = (part: Int32Array) =>
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      concatBytes(Array.from(part, (id) => tok.tokenBytes(id))),
    );
  return [text(ids.subarray(0, promptLength)), text(ids.subarray(promptLength))];
};
const stops = (tok: Tokenizer) => tok.stopIds.map((id) => tok.rawToken(id));

describe("a template that always opens a reply", () => {
  test("Llama 3's first: the reply ends its own turn, and generation stops there", async () => {
    const tok = await load(ALWAYS_OPEN);
    const head = "<|start_header_id|>assistant<|end_header_id|>\n\n";
    expect(pieces(tok, encoded(tok, ANT))).toEqual([
      `<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHow many legs has an ant?<|eot_id|>${head}`,
      "Six.<|eot_id|>",
    ]);
    expect(stops(tok)).toEqual(["<|end_of_text|>", "<|eot_id|>"]);
  });

  test("in words: the reply is followed by eos", async () => {
    const tok = await load(ALWAYS_OPEN_WORDS);
    expect(pieces(tok, encoded(tok, ANT))).toEqual([
      "user says: How many legs has an ant?\nassistant says: ",
      "Six.<eos>",
    ]);
    expect(stops(tok)).toEqual(["<eos>"]);
  });

  test.each([
    "<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}<|assistant|>\n",
    "<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}\n{% endfor %}<|assistant|>\n",
    "{% for m in messages %}<|h|>{{ m.role }}<|/h|>{{ m.content }}{% endfor %}<|h|>assistant<|/h|>",
  ])("without a mark that ends a turn, the next turn's head is none: %s", async (template) => {
    const marks = ["<sop>", "<|user|>", "<|assistant|>", "<|h|>", "<|/h|>"];
    const tok = await load({ marks, eos: "<eos>", template });
    const [prompt, reply] = pieces(tok, encoded(tok, ANT));
    expect(reply).toBe("Six.<eos>");
    expect(prompt).toMatch(/assistant(\|>\n|<\|\/h\|>)$/);
    expect(stops(tok)).toEqual(["<eos>"]);
  });
});

test("an end in words stays with the reply, whatever the head ends in", async () => {
  const template =
    "{% for m in messages %}{{ m.role }}.\n{{ m.content }}\nOver.\n{% endfor %}{% if add_generation_prompt %}assistant.\n{% endif %}";
  const tok = await load({ marks: [], eos: "<eos>", template });
  expect(pieces(tok, encoded(tok, ANT))[1]).toBe("Six.\nOver.<eos>");
});

describe("boilerplate that opens a reply", () => {
  test("is the prompt's, in training as in what a model is asked", async () => {
    const tok = await load(THINKING);
    const [prompt, reply] = pieces(tok, encoded(tok, ANT));
    expect(prompt).toBe(
      "<|im_start|>user\nHow many legs has an ant?<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
    );
    expect(reply).toBe("Six.<|im_end|>");
    expect(promptText(tok, ANT, "plain")).toBe(prompt);
    expect(promptIds(tok, ANT, "plain", 400)).toEqual([
      ...encoded(tok, ANT).ids.slice(0, -"Six.".length - 1),
    ]);
  });

  test("a word of the boilerplate as the reply", async () => {
    const tok = await load(THINKING);
    for (const word of ["think", "<", "\u2028x", "a", "assistant"])
      expect(pieces(tok, encoded(tok, rowOf(ANT.turns!, word)))[1]).toBe(`${word}<|im_end|>`);
  });

  test("aligns with a side that has none, from the first letter to the last", async () => {
    const [thinking, plain] = [await load(THINKING), await load(LLAMA3)];
    const bytes = (tok: Tokenizer) => {
      const { ids, promptLength } = encoded(tok, ANT);
      return [...ids.subarray(promptLength)].filter((id) => !tok.stopIds.includes(id)).map(tok.tokenBytes);
    };
    expect(alignChunks(bytes(thinking), bytes(plain))).toHaveLength("Six.".length); // both write letters here
  });

  test("a reply with a thought of its own keeps it, once", async () => {
    const tok = await load({
      ...THINKING,
      template: String(THINKING.template).replace(
        "and loop.last",
        "and loop.last and '</think>' not in m.content",
      ),
    });
    const own = rowOf(ANT.turns!, "<think>\nthree pairs\n</think>\n\nSix.");
    const [prompt, reply] = pieces(tok, encoded(tok, own));
    expect(prompt!.endsWith("<|im_start|>assistant\n")).toBe(true);
    expect(reply).toBe("<think>\nthree pairs\n</think>\n\nSix.<|im_end|>");
  });
});

describe("lists of templates", () => {
  const list = [
    { name: "tool_use", template: `TOOLS {{ tools | tojson }} ${String(CHATML.template)}` },
    { name: "default", template: CHATML.template },
  ];
  const byName = Object.fromEntries(list.map(({ name, template }) => [name, template]));

  test.each([
    ["a list", list],
    ["an object", byName],
  ])("%s", async (_, template) => {
    const [tok, one] = [await load({ ...CHATML, template }), await load(CHATML)];
    expect([...encoded(tok, ANT).ids]).toEqual([...encoded(one, ANT).ids]);
    const tools = [{ name: "count" }];
    expect(promptText(tok, rowOf(ANT.turns!, "Six.", { tools }), "plain")).toMatch(
      /^TOOLS \[\{"name": "count"\}\]/,
    );
  });

  test("one under another name is meant; of several, one must be the default", async () => {
    const named = await load({ ...CHATML, template: [{ name: "chat", template: CHATML.template }] });
    expect(pieces(named, encoded(named, ANT))[1]).toBe("Six.<|im_end|>");
    const several = await load({ ...CHATML, template: [list[0], { name: "rag", template: "x" }] });
    expect(() => encoded(several, ANT)).toThrow(
      "several chat templates and none is the default: tool_use, rag",
    );
    expect((await load({ ...CHATML, template: [] })).chat).toBeUndefined();
    expect((await load({ ...CHATML, template: "" })).chat).toBeUndefined();
  });
});

describe("{% generation %}", () => {
  test("its blocks are what carries a loss", async () => {
    const tok = await load(GENERATION_TAGS);
    const [prompt, reply] = pieces(tok, encoded(tok, ANT));
    expect(prompt!.endsWith("<|im_start|>assistant\n")).toBe(true);
    expect(reply).toBe("Six.<|im_end|>");
    const partly = (block: string) =>
      load({
        ...CHATML,
        template:
          "{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>assistant\n" +
          `${block}\n{% else %}<|im_start|>user\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}` +
          "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
      });
    const wordsAlone = await partly("{% generation %}{{ m.content }}{% endgeneration %}<|im_end|>");
    expect(pieces(wordsAlone, encoded(wordsAlone, ANT))[1]).toBe("Six.");
    expect(stops(wordsAlone)).toEqual(["<|im_end|>"]);
    const opened = await partly("{%- generation -%} OK: {{ m.content }}<|im_end|>{%- endgeneration -%}");
    expect(pieces(opened, encoded(opened, ANT))[1]).toBe("OK: Six.<|im_end|>");
    const lineToo = await partly("{% generation %}{{ m.content + '<|im_end|>\n' }}{% endgeneration %}");
    expect(pieces(lineToo, encoded(lineToo, ANT))[1]).toBe("Six.<|im_end|>");
  });

  test("marked and unmarked, a template writes the same text, whatever is around its tags", async () => {
    const space = fc.constantFrom("", " ", "\n", "\n  ", " \n\n ", "\t");
    const dash = fc.constantFrom("", "-");
    const tag = (name: string) =>
      fc.tuple(space, dash, dash, space).map(([a, l, r, b]) => `${a}{%${l} ${name} ${r}%}${b}`);
    const { Template } = await import("@huggingface/jinja");
    fc.assert(
      fc.property(tag("generation"), tag("endgeneration"), space, (open, close, end) => {
        const template = `{% for m in messages %}\nA:${open}{{ m.content }}${close}.{% endfor %}${end}`;
        const write = (marked: boolean) =>
          new Template(templateText(template, { tools: false, marked })).render({
            messages: [{ content: "b c" }, { content: "d" }],
          });
        const marks = new RegExp(`${GENERATION.open}|${GENERATION.close}`, "gu");
        expect(write(true).replaceAll(marks, "")).toBe(write(false));
        expect(write(true).match(marks)).toHaveLength(4);
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

test("a token that reaches into the reply is the reply's, as in the tokens of the whole text", async () => {
  const settings = {
    ...{
      tokenizer_class: "LlamaTokenizer",
      eos_token: "</s>",
      bos_token: "<s>",
      unk_token: "<unk>",
      legacy: false,
    },
    chat_template: BRACKETS.template,
  };
  const files = new Map([
    ["tokenizer.json", encode(byteFallbackTokenizer(["▁", ..."abcdINST[]/", "▁a", "▁b"], ["▁ a", "▁ b"]))],
    ["tokenizer_config.json", encode(settings)],
  ]);
  const tok = await loadTokenizer(memoryFiles("metaspace", files));
  const { ids, promptLength } = encoded(tok, rowOf([{ role: "user", content: "a" }], "bad"));
  const raw = Array.from(ids, (id) => tok.rawToken(id));
  expect(raw.slice(0, promptLength).join(" ")).toBe("<s> ▁ [ I N S T ] ▁a ▁ [ / I N S T ]");
  expect(raw.slice(promptLength)).toEqual(["▁b", "a", "d", "▁", "</s>"]); // the template's own space before its end
});

test("what a template leaves out drops the row, by name", async () => {
  const [brackets, chatml, thinking] = [await load(BRACKETS), await load(CHATML), await load(THINKING)];
  const deaf = await load({
    ...CHATML,
    template: String(CHATML.template).replace(
      "<|im_start|>{{ turn['role'] }}\n{{ turn['content'] }}<|im_end|>\n",
      "{% if turn.role in ['user', 'assistant'] %}$&{% endif %}",
    ),
  });
  const asked: ChatTurn = { role: "user", content: "High water?" };
  const calls = [{ name: "tides", arguments: { port: "Brest" } }];
  const talk: ChatTurn[] = [
    asked,
    { role: "assistant", content: "", calls },
    { role: "tool", content: "05:40" },
  ];
  const reason = (tok: Tokenizer, row: Row): string => {
    try {
      return pieces(tok, encoded(tok, row))[0]!;
    } catch (error) {
      return String(error);
    }
  };
  expect(reason(thinking, rowOf(talk, "At 05:40."))).toContain(
    '<call>{"name": "tides", "arguments": {"port": "Brest"}}</call>',
  );
  expect(reason(thinking, rowOf(talk, "At 05:40.", { tools: calls }))).toContain("Tools: [");
  expect(reason(chatml, rowOf(talk, "At 05:40."))).toContain("leaves out a message of the assistant"); // its call
  expect(reason(deaf, rowOf([asked, { role: "tool", content: "05:40" }], "At 05:40."))).toContain(
    "row r: the model's chat template leaves out a message of the tool",
  );
  expect(reason(chatml, rowOf([asked], "At 05:40.", { tools: calls }))).toContain(
    "leaves out the definitions of the tools",
  );
  expect(reason(brackets, rowOf(talk, "At 05:40."))).toContain(
    "refuses the conversation: Only user and assistant",
  );
  const system: ChatTurn = { role: "system", content: "Be brief." };
  expect(reason(deaf, rowOf([system, asked], "At 05:40."))).toContain("user\nBe brief.\n\nHigh water?"); // kept, at the head
});

describe("every template, every conversation", () => {
  const families: [string, Family, (reply: string) => string][] = [
    ["ChatML", CHATML, (reply) => `${reply}<|im_end|>`],
    ["Llama 3", LLAMA3, (reply) => `${reply}<|eot_id|>`],
    ["Llama 3, always open", ALWAYS_OPEN, (reply) => `${reply}<|eot_id|>`],
    ["Gemma", GEMMA, (reply) => `${reply}<end_of_turn>`],
    ["thoughts", THINKING, (reply) => `${reply}<|im_end|>`],
    ["brackets", BRACKETS, (reply) => `${reply} </s>`],
    ["words, always open", ALWAYS_OPEN_WORDS, (reply) => `${reply}<eos>`],
    ["generation tags", GENERATION_TAGS, (reply) => `${reply}<|im_end|>`],
  ];
  const words = fc
    .oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
      fc.constantFrom(
        "think",
        "assistant",
        "the the",
        "ends.\n\nHere",
        "user",
        "a  b",
        "é☕",
        "{{ x }}",
        "%}",
      ),
    )
    .map((text) => text.trim())
    .filter((text) => text !== "" && !/[\p{C}]/u.test(text.replaceAll("\n", "")));

  test.each(families)("%s", async (_, family, ended) => {
    const tok = await load(family);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(words, words), { maxLength: 2 }),
        words,
        words,
        (before, question, reply) => {
          const turns: ChatTurn[] = [
            ...before.flatMap(([q, a]): ChatTurn[] => [
              { role: "user", content: q },
              { role: "assistant", content: a },
            ]),
            { role: "user", content: question },
          ];
          const row = rowOf(turns, reply);
          const sequence = encodeRow(tok, row, "plain", 2000, 1500);
          const [prompt, said] = pieces(tok, sequence);
          expect(said!.replace(/^ /, "")).toBe(ended(reply));
          let at = 0;
          for (const { content } of turns) {
            at = prompt!.indexOf(content, at);
            expect(at).toBeGreaterThanOrEqual(0);
          }
          expect(tok.stopIds).toContain(sequence.ids.at(-1));
          expect(promptIds(tok, row, "plain", 1500)).toEqual([
            ...sequence.ids.subarray(0, sequence.promptLength),
          ]);
          expect([...sequence.ids]).toEqual(tok.encode(prompt! + said!)); // the model's own tokens of the whole text
        },
      ),
      { seed: 11, numRuns: 120 },
    );
  });
});
