// Tiny byte-level tokenizers with the marks and templates of several families, in our own words after the shapes in use.
import { loadTokenizer, memoryFiles, type Tokenizer } from "../../../src/models";
import { encode, tokenizerFiles } from "../models/tiny";

export interface Family {
  /** As tokenizer_config.json holds it: text, a list of {name, template}, or an object by name. */
  readonly template: unknown;
  readonly marks: readonly string[];
  readonly eos: string;
  readonly bos?: string;
  /** Of tokenizer.json. */
  readonly postProcessor?: object;
  /** Of tokenizer_config.json. */
  readonly more?: object;
}

export const CHATML: Family = {
  marks: ["<|im_start|>", "<|im_end|>"],
  eos: "<|im_end|>",
  template:
    "{% for turn in messages %}<|im_start|>{{ turn['role'] }}\n{{ turn['content'] }}<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
};
export const LLAMA3: Family = {
  marks: ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
  ...{ eos: "<|eot_id|>", bos: "<|begin_of_text|>" },
  template:
    "{{ bos_token }}{% for turn in messages %}<|start_header_id|>{{ turn['role'] }}<|end_header_id|>\n\n" +
    "{{ turn['content'] | trim }}<|eot_id|>{% endfor %}" +
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
};
export const GEMMA: Family = {
  marks: ["<bos>", "<start_of_turn>", "<end_of_turn>"],
  ...{ eos: "<eos>", bos: "<bos>" },
  template:
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system messages here') }}{% endif %}" +
    "{% for turn in messages %}{% if (turn['role'] == 'user') != (loop.index0 % 2 == 0) %}" +
    "{{ raise_exception('roles must take turns') }}{% endif %}" +
    "<start_of_turn>{{ 'model' if turn['role'] == 'assistant' else turn['role'] }}\n" +
    "{{ turn['content'] | trim }}<end_of_turn>\n{% endfor %}" +
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
};

function folder(
  { template, marks, eos, bos, postProcessor, more }: Family,
  inFile = false,
): Map<string, Uint8Array> {
  const files = tokenizerFiles();
  const read = (path: string) =>
    JSON.parse(new TextDecoder().decode(files.get(path))) as Record<string, unknown>;
  const json = read("tokenizer.json");
  const plain = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: false };
  const added = marks.map((content, i) => ({ id: 272 + i, content, ...plain }));
  files.set(
    "tokenizer.json",
    encode({
      ...json,
      added_tokens: [...(json["added_tokens"] as object[]), ...added],
      ...(postProcessor && { post_processor: postProcessor }),
    }),
  );
  const bosToken = bos === undefined ? {} : { bos_token: bos };
  const settings = { ...read("tokenizer_config.json"), eos_token: eos, ...bosToken, ...more };
  files.set("tokenizer_config.json", encode(inFile ? settings : { ...settings, chat_template: template }));
  if (inFile) files.set("chat_template.jinja", new TextEncoder().encode(String(template)));
  return files;
}
export const load = (family: Family, inFile = false): Promise<Tokenizer> =>
  loadTokenizer(memoryFiles("chat", folder(family, inFile)));
export const plainTokenizer = () => loadTokenizer(memoryFiles("plain", tokenizerFiles()));

/** Llama 3's first template: a head for the next reply behind every conversation, asked for or not. */
export const ALWAYS_OPEN: Family = {
  ...LLAMA3,
  eos: "<|end_of_text|>",
  marks: [...LLAMA3.marks, "<|end_of_text|>"],
  template:
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n" +
    "{{ m.content | trim }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n",
};

/** The same without any token of its own: roles in words. */
export const ALWAYS_OPEN_WORDS: Family = {
  marks: [],
  eos: "<eos>",
  template: "{% for m in messages %}{{ m.role }} says: {{ m.content }}\n{% endfor %}assistant says: ",
};

const THOUGHT = "{{ '<think>\n' + (m.reasoning_content or '') + '\n</think>\n\n' }}";
/** Qwen3: the last reply is written with its thought, an empty one where there was none; asked, the model begins it itself. */
export const THINKING: Family = {
  marks: ["<|im_start|>", "<|im_end|>", "<think>", "</think>"],
  eos: "<|im_end|>",
  template:
    "{% if tools %}<|im_start|>system\nTools: {{ tools | tojson }}<|im_end|>\n{% endif %}" +
    "{% for m in messages %}<|im_start|>{{ m.role }}\n" +
    `{% if m.role == 'assistant' and loop.last %}${THOUGHT}{% endif %}{{ m.content }}` +
    "{% if m.tool_calls %}{% for call in m.tool_calls %}\n<call>{{ call.function | tojson }}</call>{% endfor %}{% endif %}" +
    "<|im_end|>\n{% endfor %}" +
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
};

/** Llama 2: no head at all, a space before the reply, eos behind it. */
export const BRACKETS: Family = {
  marks: ["</s>", "<s>"],
  ...{ eos: "</s>", bos: "<s>" },
  template:
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}" +
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + ' ' + eos_token }}" +
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}",
};

/** A template that says itself what a model learns, tags on lines of their own. */
export const GENERATION_TAGS: Family = {
  ...CHATML,
  template:
    "{% for m in messages %}\n  {% if m.role == 'assistant' %}\n    {{- '<|im_start|>assistant\n' -}}\n    {% generation %}\n" +
    "    {{- m.content + '<|im_end|>' -}}\n    {% endgeneration %}\n    {{- '\n' -}}\n  {% else %}\n" +
    "    {{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' -}}\n  {% endif %}\n{% endfor %}\n" +
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
};
