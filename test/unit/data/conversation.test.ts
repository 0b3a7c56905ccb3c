// conversations of other people's files — plan (own inputs after the shapes of OpenAI, ShareGPT, OASST, Alpaca and others)
//   parts       text in parts is text; an image, or a part of any other type, refuses the row by its name
//   roles       developer is the system; names of roles in any case and of several files; one that is unknown is named
//   tools       calls and what tools answer are kept, in the written form and for templates; a reply that calls is refused
//   thoughts    what was thought before the last reply is its chain of thought
//   beside      system and tools beside the list; Alpaca's system and history
//   written     a row as a line of ours reads back as the same row
//   counted     nothing is left out in silence: every message is in the prompt, or the row is among those dropped
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { importText, parseRows, readConversation, type Row, rowLine } from "../../../src/data";

const rowOf = (record: object): Row => importText(JSON.stringify(record), "chat.jsonl").rows[0]!;
const chat = (...messages: object[]): Row => rowOf({ messages });
const reasonOf = (record: object): string => {
  const good = { messages: [user("Hi"), assistant("Hello")] };
  const text = [good, record].map((line) => JSON.stringify(line)).join("\n");
  return Object.keys(importText(text, "chat.jsonl").dropped).join("; ");
};
const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });
const part = (text: string) => ({ type: "text", text });

describe("content in parts", () => {
  test("is text, wherever it stands", () => {
    const parts = chat(
      { role: "system", content: [part("Short answers.")] },
      user([part("How many wings "), part("has a bee?")]),
      assistant([part("Four.")]),
    );
    expect(parts).toEqual(
      chat(
        { role: "system", content: "Short answers." },
        user("How many wings has a bee?"),
        assistant("Four."),
      ),
    );
    expect(parts.prompt).toBe("System: Short answers.\nUser: How many wings has a bee?\nAssistant: ");
    const ask = (content: unknown) => chat(user(content), assistant("Yes.")).prompt;
    for (const content of [
      ["Is it?"],
      { type: "text", text: "Is it?" },
      [{ type: "input_text", text: "Is it?" }],
      { parts: ["Is it?"] },
    ])
      expect(ask(content)).toBe("User: Is it?\nAssistant: ");
  });

  test.each([["image_url"], ["input_audio"], ["video"], ["tool_use"]])(
    "a part of the type %s is named",
    (type) => {
      const messages = [user([part("What is this?"), { type, [type]: { url: "x" } }]), assistant("A bee.")];
      expect(reasonOf({ messages })).toBe(`message … holds a part of the type "${type}"; only text is read`);
    },
  );
});

describe("roles", () => {
  test.each([
    ["developer", "user", "assistant"],
    ["System", "User", "Assistant"],
    ["SYSTEM", " human ", "GPT"],
    ["system", "prompter", "chatgpt"],
    ["system", "customer", "bot"],
    ["instructions", "human", "model"],
    ["<|system|>", "<|user|>", "<|assistant|>"],
  ])("%s, %s, %s", (system, asker, answerer) => {
    const openai = rowOf({
      messages: [
        { role: system, content: "Answer in French." },
        { role: asker, content: "Good evening?" },
        { role: answerer, content: "Bonsoir." },
      ],
    });
    const sharegpt = rowOf({
      conversations: [
        { from: system, value: "Answer in French." },
        { from: asker, value: "Good evening?" },
        { from: answerer, value: "Bonsoir." },
      ],
    });
    expect(openai.turns).toEqual([
      { role: "system", content: "Answer in French." },
      { role: "user", content: "Good evening?" },
    ]);
    expect(openai.output).toBe("Bonsoir.");
    expect(sharegpt.turns).toEqual(openai.turns);
  });

  test("a role that is none of these is named, and counted", () => {
    const messages = [{ role: "narrator", content: "Night." }, user("Who?"), assistant("An owl.")];
    expect(reasonOf({ messages })).toBe(
      'message … has the role "narrator", which is none of system, user, assistant and tool',
    );
    expect(reasonOf({ messages: [{ content: "Night." }, assistant("An owl.")] })).toBe(
      "message … has no role",
    );
    expect(reasonOf({ messages: [user(null), assistant("An owl.")] })).toBe(
      "message …, of the user, is empty",
    );
    expect(reasonOf({ messages: ["Who?", assistant("An owl.")] })).toBe("message … is text without a role");
    expect(reasonOf({ messages: [assistant("An owl."), user("Who?")] })).toMatch(
      /must end with a reply.*of the user$/,
    );
  });

  test("several system messages at the head are one", () => {
    const { turns } = chat(
      { role: "system", content: "A." },
      { role: "developer", content: "B." },
      user("Q"),
      assistant("R"),
    );
    expect(turns).toEqual([{ role: "system", content: "A.\n\nB." }, user("Q")]);
  });
});

describe("tools", () => {
  const call = { id: "k", type: "function", function: { name: "tides", arguments: '{"port":"Brest"}' } };
  const tools = [{ type: "function", function: { name: "tides", parameters: {} } }];
  const wanted = [
    user("High water in Brest?"),
    { role: "assistant", content: "", calls: [{ id: "k", name: "tides", arguments: { port: "Brest" } }] },
    { role: "tool", content: "05:40", callId: "k" },
  ];
  const talk = [
    user("High water in Brest?"),
    { ...assistant(null), tool_calls: [call] },
    { role: "tool", tool_call_id: "k", content: "05:40" },
    assistant("At 05:40."),
  ];

  test("calls and what tools say are kept", () => {
    const row = rowOf({ messages: talk, tools });
    expect(row.turns).toEqual(wanted);
    expect(row.tools).toEqual(tools);
    expect(row.prompt).toBe(
      `Tools: ${JSON.stringify(tools)}\nUser: High water in Brest?\nAssistant: tides {"port":"Brest"}\nTool: 05:40\nAssistant: `,
    );
  });

  test("ids of 64 bits in a call's arguments keep every digit", () => {
    const id = "9223372036854775807";
    const made = { ...call, function: { name: "tides", arguments: `{"port":${id},"n":12}` } };
    const row = rowOf({
      messages: [talk[0]!, { ...assistant(null), tool_calls: [made] }, ...talk.slice(2)],
      tools,
    });
    expect(row.turns?.[1]?.calls?.[0]?.arguments).toEqual({ port: id, n: 12 });
    expect(row.prompt).toContain(id);
  });

  test("as ShareGPT's and OpenAI's older files write them", () => {
    const sharegpt = rowOf({
      conversations: [
        { from: "human", value: "High water in Brest?" },
        { from: "function_call", value: '{"name": "tides", "arguments": {"port": "Brest"}}' },
        { from: "observation", value: "05:40" },
        { from: "gpt", value: "At 05:40." },
      ],
      tools: JSON.stringify(tools),
      system: "You know the sea.",
    });
    expect(sharegpt.turns).toEqual([
      { role: "system", content: "You know the sea." },
      wanted[0],
      { role: "assistant", content: "", calls: [{ name: "tides", arguments: { port: "Brest" } }] },
      { role: "tool", content: "05:40" },
    ]);
    expect(sharegpt.tools).toEqual(tools);
    const older = chat(
      user("High water in Brest?"),
      { ...assistant(null), function_call: { name: "tides", arguments: '{"port":"Brest"}' } },
      { role: "function", name: "tides", content: "05:40" },
      assistant("At 05:40."),
    );
    expect(older.turns!.slice(1)).toEqual([
      { role: "assistant", content: "", calls: [{ name: "tides", arguments: { port: "Brest" } }] },
      { role: "tool", content: "05:40", name: "tides" },
    ]);
  });

  test("a last reply that calls a tool, and tools that are no list, are named", () => {
    expect(reasonOf({ messages: talk.slice(0, 2) })).toBe(
      "the last reply calls a tool (tides); a student learns replies in words",
    );
    expect(reasonOf({ messages: talk, tools: "tides" })).toBe('"tools" must be a list of tools, got "tides"');
  });
});

test("what was thought before a reply is its chain of thought", () => {
  const row = chat(user("3+4?"), { ...assistant("7"), reasoning_content: "three and four" });
  expect(row).toMatchObject({
    output: "7",
    promptCot: "User: 3+4?\nAssistant:\nLet's think step by step.\n",
    outputCot: "three and four\nTherefore, the answer is: 7",
  });
  const parts = chat(user("3+4?"), assistant([{ type: "thinking", thinking: "three and four" }, part("7")]));
  expect(parts).toEqual(row);
  const earlier = chat(
    user("3+4?"),
    { ...assistant("7"), reasoning: "three and four" },
    user("More"),
    assistant("8"),
  );
  expect(earlier.turns![1]).toEqual({ role: "assistant", content: "7", reasoning: "three and four" });
  expect(earlier.prompt).toContain("Assistant: three and four\n7\n");
});

test("Alpaca's system and history stand before the question", () => {
  const [row, plain] = importText(
    JSON.stringify([
      {
        instruction: "And a crab?",
        input: "",
        output: "Ten.",
        system: "Count legs.",
        history: [["A bee?", "Six."]],
      },
      { instruction: "A cow?", input: "", output: "Four.", system: "", history: [] },
    ]),
    "alpaca.json",
  ).rows;
  expect(row!.prompt).toBe(
    "Count legs.\n\nQuestion: A bee?\nAnswer:\nSix.\n\nQuestion: And a crab?\nAnswer:\n",
  );
  expect(plain!.prompt).toBe("Question: A cow?\nAnswer:\n");
  const odd = JSON.stringify([{ instruction: "A cow?", input: "", output: "Four.", history: "none" }]);
  expect(() => importText(odd, "alpaca.json")).toThrow(
    '"history" must be a list of questions with their answers',
  );
});

test("messages as JSON text", () => {
  const messages = [user("Q"), assistant("R")];
  expect(readConversation(JSON.stringify(messages))).toEqual(readConversation(messages));
  expect(() => readConversation("Q")).toThrow('expected a list of messages, got "Q"');
});

test("random conversations: every message is in the prompt or the row is dropped by name; lines read back", () => {
  const word = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 8 })
    .filter((text) => text.trim() !== "");
  const content = fc.oneof(
    word,
    fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.map(part)),
    fc.constant([{ type: "image_url" }]),
  );
  const role = fc.constantFrom(
    "system",
    "developer",
    "user",
    "Human",
    "assistant",
    "GPT",
    "tool",
    "observation",
    "judge",
  );
  const message = fc.record({ role, content });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), word, (messages, answer) => {
      const record = {
        messages: [user("Begin"), assistant("Yes"), ...messages, user("Go on"), assistant(answer)],
      };
      const good = { messages: [user("Hi"), assistant("Hello")] };
      const text = [good, record].map((line) => JSON.stringify(line)).join("\n");
      const { rows, dropped } = importText(text, "chat.jsonl");
      const bad = /"judge"|image_url/.test(JSON.stringify(messages));
      expect(rows).toHaveLength(bad ? 1 : 2);
      expect(Object.values(dropped)).toEqual(bad ? [1] : []);
      for (const row of rows.slice(1)) {
        for (const m of messages) {
          const parts: unknown = m.content;
          const said = Array.isArray(parts)
            ? parts.map((p: { text: string }) => p.text).join("")
            : String(parts);
          expect(row.prompt).toContain(said);
        }
        expect(row.turns!.length).toBe(messages.length + 3);
        expect(parseRows(rowLine(row), "rows.jsonl")[0]).toEqual(row);
      }
    }),
    { seed: 3, numRuns: 300 },
  );
});

test.each<[string, object[], RegExp | undefined]>([
  [
    "an image beside the words",
    [{ ...user("Look"), images: ["a.png"] }, assistant("A cat")],
    /has "images"; only text/,
  ],
  ["audio beside the words", [{ ...user("Hear"), audio: { id: 1 } }, assistant("A dog")], /has "audio"/],
  ["an empty list of images", [{ ...user("Look"), images: [] }, assistant("A cat")], undefined],
  [
    "an earlier reply of weight 0",
    [user("a"), { ...assistant("b"), weight: 0 }, user("c"), assistant("d")],
    undefined,
  ],
  ["a last reply of weight 0", [user("a"), { ...assistant("b"), weight: 0 }], /not to be learned/],
  ["train: false", [user("a"), { ...assistant("b"), train: false }], /not to be learned/],
  ["loss: false", [user("a"), { ...assistant("b"), loss: false }], /not to be learned/],
])("%s", (_name, messages, refused) => {
  const good = { messages: [user("Hi"), assistant("Hello")] };
  const text = [good, { messages }].map((line) => JSON.stringify(line)).join("\n");
  const { rows, dropped } = importText(text, "chat.jsonl");
  expect(rows).toHaveLength(refused ? 1 : 2);
  if (refused) expect(Object.keys(dropped).join()).toMatch(refused);
  else expect(dropped).toEqual({});
});
