// Hold transformers.js to the answers of check.py: token ids, logits, greedy text.
//
//   node check.mjs MODELS_DIR CASES_FILE
//
// Logits are compared on one ragged, left-padded batch; text comes from generate() with its cache.
import { readFileSync } from "node:fs";
import { AutoModelForCausalLM, AutoTokenizer, Tensor, env } from "@huggingface/transformers";

const [models, cases] = process.argv.slice(2);
if (!models || !cases) throw new Error("usage: node check.mjs MODELS_DIR CASES_FILE");
env.localModelPath = models;
env.allowRemoteModels = false;

const TOLERANCE = 1e-4;
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

let failures = 0;
function expect(ok, what) {
  console.log(`${ok ? "ok  " : "FAIL"} ${what}`);
  if (!ok) failures++;
}

/** The batch transformers.js would build, with positions that start at each row's first real token. */
function leftPadded(rows, pad) {
  const width = Math.max(...rows.map((row) => row.length));
  const flat = (cell) =>
    new Tensor(
      "int64",
      BigInt64Array.from(
        rows.flatMap((row) =>
          Array.from({ length: width }, (_, t) => BigInt(cell(row, t - (width - row.length)))),
        ),
      ),
      [rows.length, width],
    );
  return {
    input_ids: flat((row, t) => (t < 0 ? pad : row[t])),
    attention_mask: flat((_, t) => (t < 0 ? 0 : 1)),
    position_ids: flat((_, t) => Math.max(t, 0)),
  };
}

for (const { folder, texts, tokens, prompts, replies, last_logits } of JSON.parse(
  readFileSync(cases, "utf8"),
)) {
  const tokenizer = await AutoTokenizer.from_pretrained(folder);
  const encode = (text) => tokenizer.encode(text, { add_special_tokens: false });
  const wrong = texts.filter((text, i) => !same(encode(text), tokens[i]));
  expect(
    wrong.length === 0,
    `${folder}: ids of ${texts.length} texts${wrong.map((text) => `, not ${JSON.stringify(text)}`)}`,
  );
  const lost = texts.filter(
    (text) => text && tokenizer.decode(encode(text), { clean_up_tokenization_spaces: false }) !== text,
  );
  expect(
    lost.length === 0,
    `${folder}: texts come back${lost.map((text) => `, not ${JSON.stringify(text)}`)}`,
  );

  const model = await AutoModelForCausalLM.from_pretrained(folder, { dtype: "fp32", device: "cpu" });
  const rows = prompts.map(encode);
  const { logits } = await model(leftPadded(rows, tokenizer.pad_token_id));
  const [, width, vocab] = logits.dims;
  const worst = Math.max(
    ...last_logits.flatMap((expected, i) =>
      expected.map((value, v) => Math.abs(value - logits.data[(i * width + width - 1) * vocab + v])),
    ),
  );
  expect(worst <= TOLERANCE, `${folder}: logits of a ragged batch within ${worst.toExponential(1)}`);

  for (const [i, row] of rows.entries()) {
    const input_ids = new Tensor("int64", BigInt64Array.from(row, BigInt), [1, row.length]);
    const output = await model.generate({ input_ids, do_sample: false, max_new_tokens: 96 });
    const reply = Array.from(output.data, Number).slice(row.length);
    expect(same(reply, replies[i]), `${folder}: greedy reply ${i}, ${reply.length} tokens`);
  }
  tokenizer.padding_side = "left";
  const padded = tokenizer(prompts, { padding: true, add_special_tokens: false });
  const batch = await model.generate({ ...padded, do_sample: false, max_new_tokens: 96 });
  const trimmed = batch.tolist().map((ids, i) => ids.slice(width, width + replies[i].length).map(Number));
  expect(
    trimmed.every((ids, i) => same(ids, replies[i])),
    `${folder}: the same replies as one padded batch`,
  );
}
if (failures > 0) {
  console.error(`${failures} check(s) failed`);
  process.exit(1);
}
