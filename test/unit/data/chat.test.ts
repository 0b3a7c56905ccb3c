// conversations in the models' own templates — plan (tiny byte-level tokenizers with the marks of three families; templates
// in our own words, after the shapes in use)
//   × {ChatML, Llama 3, Gemma}: text and cut of prompt and reply are those of the family; labels are the reply and the end
//     of its turn, nothing of the turns before; the prompt's tokens followed by the reply's are the whole template's
//   ends       an end of turn that is no token of its own is followed by eos; one that is not eos stops generation
//   head       a thought that only the head of a coming reply has is part of the prompt and not of the reply
//   system     where a template knows no system message, it opens the first one; a template that refuses drops the row
//   own        teacher and student read a row each in its template; a model without one reads written roles
//   too long   a conversation is not cut before the reply's head: it drops out, with the numbers
//   files      a template in chat_template.jinja; messages in our own JSON lines and back
//   asked      the teacher writes its answers to its own template
import { describe, expect, test } from "vitest";
import {
  encodeRow,
  importText,
  parseRows,
  prepareDataset,
  previewRows,
  promptText,
  responseLength,
  type Row,
  rowLine,
  sequenceLevel,
} from "../../../src/data";
import { CHATML, GEMMA, LLAMA3, load, plainTokenizer } from "./chat-families";

const MESSAGES = [
  { role: "user", content: "Name a town." },
  { role: "assistant", content: "Oslo" },
  { role: "user", content: "Another " },
  { role: "assistant", content: " Paris, then. " },
];
const rowOf = (messages: object[]): Row => importText(JSON.stringify({ messages }), "chat.jsonl").rows[0]!;
const ROW = rowOf(MESSAGES);

describe.each([
  [
    "ChatML",
    CHATML,
    "<|im_start|>user\nName a town.<|im_end|>\n<|im_start|>assistant\nOslo<|im_end|>\n" +
      "<|im_start|>user\nAnother <|im_end|>\n<|im_start|>assistant\n",
    "Paris, then.<|im_end|>",
  ],
  [
    "Llama 3",
    LLAMA3,
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nName a town.<|eot_id|>" +
      "<|start_header_id|>assistant<|end_header_id|>\n\nOslo<|eot_id|>" +
      "<|start_header_id|>user<|end_header_id|>\n\nAnother<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "Paris, then.<|eot_id|>",
  ],
  [
    "Gemma",
    GEMMA,
    "<bos><start_of_turn>user\nName a town.<end_of_turn>\n<start_of_turn>model\nOslo<end_of_turn>\n" +
      "<start_of_turn>user\nAnother<end_of_turn>\n<start_of_turn>model\n",
    "Paris, then.<end_of_turn>",
  ],
])("%s", (_, family, prompt, reply) => {
  test("prompt, reply and what carries a loss", async () => {
    const tok = await load(family);
    expect(promptText(tok, ROW, "plain")).toBe(prompt);
    const { ids, promptLength, truncated } = encodeRow(tok, ROW, "plain", 512, 256);
    expect(truncated).toBe(false);
    expect([...ids.subarray(0, promptLength)]).toEqual(tok.encode(prompt));
    expect([...ids.subarray(promptLength)]).toEqual(tok.encode(reply));
    expect([...ids]).toEqual(tok.encode(prompt + reply));
    const marks = [...ids].filter((id) => tok.isAdded(id)).map((id) => tok.rawToken(id));
    expect(marks.every((mark) => family.marks.includes(mark))).toBe(true); // marks are single tokens
    expect(responseLength({ ids, promptLength, truncated })).toBe(tok.encode("Paris, then.").length + 1);
    expect(tok.stopIds).toContain(ids.at(-1));
    const cut = encodeRow(tok, ROW, "plain", promptLength + 3, 256);
    expect([...cut.ids]).toEqual([...ids.subarray(0, promptLength + 3)]);
  });
});

test("what ends a turn", async () => {
  const gemma = await load(GEMMA);
  expect(gemma.stopIds.map((id) => gemma.rawToken(id))).toEqual(["<eos>", "<end_of_turn>"]);
  expect((await load(CHATML)).stopIds).toHaveLength(1);
  const written = await load({
    ...{ marks: [], eos: "<eos>" },
    template:
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}",
  });
  const { ids, promptLength } = encodeRow(written, ROW, "plain", 512, 256);
  expect([...ids.subarray(promptLength)]).toEqual([...written.encode("Paris, then."), written.eosId]);
  expect(written.stopIds).toEqual([written.eosId]);
});

test("a thought in the head of a coming reply", async () => {
  const head = "<|im_start|>assistant\n";
  const template = String(CHATML.template).replace(
    `${head}{% endif %}`,
    `${head}<think>\n\n</think>\n\n{% endif %}`,
  );
  expect(template).not.toBe(CHATML.template);
  const tok = await load({ ...CHATML, template });
  const { ids, promptLength } = encodeRow(tok, ROW, "plain", 512, 256);
  expect(tok.decode([...ids.subarray(0, promptLength)]).endsWith("assistant\n<think>\n\n</think>\n\n")).toBe(
    true,
  );
  expect([...ids.subarray(promptLength)]).toEqual(tok.encode("Paris, then.<|im_end|>"));
});

test("a system message that a template does not know, and turns that it refuses", async () => {
  const [gemma, chatml] = [await load(GEMMA), await load(CHATML)];
  const system = { role: "system", content: "Be brief." };
  const row = rowOf([system, ...MESSAGES.slice(0, 2)]);
  expect(promptText(gemma, row, "plain")).toBe(
    "<bos><start_of_turn>user\nBe brief.\n\nName a town.<end_of_turn>\n<start_of_turn>model\n",
  );
  expect(promptText(chatml, row, "plain")).toMatch(/^<\|im_start\|>system\nBe brief\.<\|im_end\|>/);
  const twice = rowOf([MESSAGES[0]!, ...MESSAGES.slice(0, 2)]);
  const limits = { maxLength: 512, maxPrompt: 256 };
  const both = { student: limits, teacher: limits };
  const { usable, dropped } = prepareDataset([twice, ROW], "plain", chatml, gemma, both);
  expect(usable).toHaveLength(1);
  expect(dropped[0]!.reason).toBe(
    `row ${twice.id}: the model's chat template refuses the conversation: roles must take turns`,
  );
});

test("each model reads a row in its own template, and previews show it", async () => {
  const [teacher, student] = [await load(LLAMA3), await load(CHATML)];
  const limits = { maxLength: 512, maxPrompt: 256 };
  const both = { student: limits, teacher: limits };
  const { usable } = prepareDataset([ROW], "plain", student, teacher, both);
  const { student: s, teacher: t } = usable[0]!;
  expect(student.decode([...s.ids])).not.toContain("header"); // control: of the other's marks nothing
  expect([...t.ids]).toEqual([...encodeRow(teacher, ROW, "plain", 512, 256).ids]);
  const { samples } = await previewRows([ROW], "plain", student, teacher, both);
  expect(samples[0]!.student.output.at(-1)).toBe("<|im_end|>");
  expect(samples[0]!.teacher.output.at(-1)).toBe("<|eot_id|>");
  expect(samples[0]!.teacher.prompt[0]).toBe("<|begin_of_text|>");

  const plain = await plainTokenizer();
  const written = "User: Name a town.\nAssistant: Oslo\nUser: Another \nAssistant: ";
  expect(promptText(plain, ROW, "plain")).toBe(written);
  const { ids, promptLength } = encodeRow(plain, ROW, "plain", 512, 256);
  expect([...ids.subarray(promptLength)]).toEqual([...plain.encode("Paris, then."), plain.eosId]);
  const asked = { id: "q", prompt: "Question: 1 + 1?\nAnswer:\n", output: "2" }; // control: no conversation, no template
  expect(promptText(teacher, asked, "plain")).toBe(asked.prompt);
});

test("a conversation is not cut before the reply's head", async () => {
  const tok = await load(CHATML);
  const { promptLength } = encodeRow(tok, ROW, "plain", 512, 256);
  expect(() => encodeRow(tok, ROW, "plain", 512, promptLength - 1)).toThrow(
    `its conversation takes ${promptLength} tokens and would be cut at ${promptLength - 1}, before the reply's head; raise`,
  );
});

test("files: a template of its own, messages in our JSON lines", async () => {
  const tok = await load(CHATML, true);
  expect(promptText(tok, ROW, "plain")).toMatch(/^<\|im_start\|>user/);
  const [again] = parseRows(rowLine(ROW), "rows.jsonl");
  expect(again).toEqual(ROW);
  expect(parseRows('{"prompt": "p", "output": "o"}', "x")[0]).not.toHaveProperty("turns");
});

test("a teacher is asked in its own template", async () => {
  const tok = await load(LLAMA3);
  const asked: string[] = [];
  const writer = {
    id: "w",
    promptOf: (row: Row) => promptText(tok, row, "plain"),
    write: async (prompt: string) => `${asked.push(prompt)} answer`,
  };
  const { rows } = await sequenceLevel([ROW], "plain", writer);
  expect(asked[0]).toBe(promptText(tok, ROW, "plain"));
  expect(rows[0]).toMatchObject({ output: "1 answer", turns: ROW.turns });
});
