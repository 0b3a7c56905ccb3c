// how a run reads its rows — plan (the bundled pair, with files changed in memory)
//   judged first   one row, or rows without a chain: refused before a graph or a weight is opened
//   said           special tokens, rows cut and the limits that would help, rows dropped: in a run's facts and in a plan
//   BOS            a teacher whose post-processor adds it trains otherwise than without, and "none" trains as without; what
//                  the teacher computed is not taken over from the one to the other; the card says it
//   positions      a student of 40 and of 41 positions, a teacher of 41: rows are cut to them and a run trains; probe and
//                  answers too, at a prompt that is longer than either model's context
//   one thought    an empty thought that only the teacher's template writes: every method on chunks has its signal, and the
//                  coverage is that of two templates without it
//   written        answers that hit the limit are refused and counted, never given an end; a finished run says so
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { PRESETS } from "../../../src/config/presets";
import { parseRunConfig, type RunConfig } from "../../../src/config/run";
import { encodeRow, memoryTexts, type Row } from "../../../src/data";
import type { Gpu } from "../../../src/gpu/device";
import {
  createStateSets,
  loadTokenizer,
  memoryFiles,
  memoryStore,
  type ModelFiles,
  openTeacher,
} from "../../../src/models";
import { openRun, planSources, type RunSources, writerOf } from "../../../src/trainer";
import { asConfigured } from "../../../src/trainer/reading";
import { bundledSources, SMALL_RUN, takeSteps } from "../../support/bundled";
import { testGpu } from "../../support/gpu";
import { encode } from "../models/tiny";

let gpu: Gpu;
let rows: readonly Row[];
beforeAll(async () => {
  gpu = await testGpu();
  rows = bundledSources().train;
});

type Json = Record<string, unknown>;

/** A bundled model with some of its JSON files changed, and files left out. */
function changed(id: string, changes: Readonly<Record<string, Json>>, without?: RegExp): ModelFiles {
  const dir = new URL(`../../../public/models/${id}`, import.meta.url).pathname;
  const files = new Map<string, Uint8Array>();
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !without?.test(path))
      files.set(relative(dir, path), new Uint8Array(readFileSync(path)));
  }
  for (const [path, fields] of Object.entries(changes)) {
    const json = JSON.parse(new TextDecoder().decode(files.get(path))) as Json;
    files.set(path, encode({ ...json, ...fields }));
  }
  return memoryFiles(id, files);
}

const special = { SpecialToken: { id: "<s>", type_id: 0 } };
const single = [special, { Sequence: { id: "A", type_id: 0 } }];
const BOS = { type: "TemplateProcessing", single, pair: single, special_tokens: {} };
const withBos = () => changed("couplet-teacher", { "tokenizer.json": { post_processor: BOS } });

const sources = (more: Partial<RunSources> = {}): RunSources => ({ ...bundledSources(), ...more });
const data = (more: Partial<RunConfig["data"]>): RunConfig => ({
  ...SMALL_RUN,
  data: { ...SMALL_RUN.data, ...more },
});

describe("rows are judged before a model is opened", () => {
  /** What openRun has loaded by the time that it refuses, in the words of its progress. */
  const stagesOf = async (given: Partial<RunSources>, words: RegExp): Promise<string[]> => {
    const stages: string[] = [];
    const opening = openRun(gpu, SMALL_RUN, sources(given), (stage) => void stages.push(stage));
    await expect(opening).rejects.toThrow(words);
    return stages.filter((stage) => stage.startsWith("loading"));
  };

  test.each<[string, Partial<RunSources>, RegExp]>([
    [
      "one row, which trains",
      { heldOut: [] },
      /needs two rows, one to learn from and one held out; there is 1$/,
    ],
    [
      "one row, which is held out",
      { train: [] },
      /needs two rows, one to learn from and one held out; there is 1$/,
    ],
    ["no chains", {}, /none of 2 rows can be used; the first: row a has no chain.*\(data\.view: "plain"\)/],
  ])("%s", async (_, given, words) => {
    const plain = ["a", "b"].map((id): Row => ({ id, prompt: "1+1?", output: "2" }));
    const own = { train: plain.slice(0, 1), heldOut: plain.slice(0, 1), ...given };
    const these = given.heldOut || given.train ? own : { train: plain, heldOut: plain };
    expect(await stagesOf(these, words)).toEqual([]);
  });

  test("control: good rows get as far as the teacher's weights", async () => {
    const broken = changed("couplet-teacher", {});
    const read: ModelFiles["read"] = async (path, onProgress) => {
      const bytes = await broken.read(path, onProgress);
      onProgress?.(bytes.length, bytes.length);
      return path.endsWith(".onnx") && onProgress ? bytes.slice(0, 1000) : bytes; // cut off as it is loaded
    };
    expect(await stagesOf({ teacher: { ...broken, read } }, /onnx/)).toContain("loading the teacher");
  });
});

test("what is around a text, what is cut and what drops out is said, in the run and in the plan", async () => {
  const config = data({ maxLength: 72, maxPrompt: 60, rows: 20 });
  const long: Row = { ...rows[0]!, id: "long", promptCot: "word ".repeat(90) };
  const none = { id: "none", prompt: "1+1?", output: "2" };
  const these = sources({ teacher: withBos(), train: [long, none, ...rows.slice(0, 18)] });
  const plan = await planSources(config, these, gpu.device.limits);
  const run = await openRun(gpu, config, these);
  const { reading = [], dropped } = run.facts();
  expect(plan.reading).toEqual(reading);
  expect(reading[0]).toBe("Labels: as the data set has them.");
  expect(reading[1]).toBe("Special tokens: teacher <s> … </s>, student … <|end|>.");
  // Counted again here: prompts and answers of both sides, one by one, in the tokens of either model.
  const [tokenizer, teacherTok] = [await loadTokenizer(these.student), await loadTokenizer(these.teacher)];
  const all = [...these.train.filter(({ id }) => id !== "none"), ...these.heldOut];
  const cut = all.filter((row) =>
    [tokenizer, teacherTok].some((one) => {
      const prompt = one.encode(row.promptCot!).length + (one === teacherTok ? 1 : 0);
      const answer = one.encode(row.outputCot!).length + 1;
      return prompt > 60 || Math.min(prompt, 60) + answer > 72;
    }),
  );
  expect(cut.length).toBeGreaterThan(20);
  expect(reading[2]).toMatch(new RegExp(`^${cut.length} of ${all.length} rows are longer than the limits: `));
  const [, maxLength, maxPrompt] = /data\.maxLength (\d+) and data\.maxPrompt (\d+) would keep 9\d %/.exec(
    reading[2]!,
  )!;
  expect(reading[3]).toBe(
    '1 dropped: a row has no chain of thought; add "output_cot" or train on the plain view (data.view: "plain")',
  );
  expect(dropped).toHaveLength(1);
  await run.destroy();
  const better = await planSources(
    { ...config, data: { ...config.data, maxLength: Number(maxLength), maxPrompt: Number(maxPrompt) } },
    these,
    gpu.device.limits,
  );
  const touched = /^(\d+) of (\d+) rows/.exec(better.reading![2] ?? "0 of 1 rows")!;
  expect(Number(touched[1]) / Number(touched[2])).toBeLessThanOrEqual(0.05);
});

test("BOS is the tokenizer's, and none as published", async () => {
  expect(PRESETS["cot2align-published"].config.data.specialTokens).toBe("none");
  const { specialTokens: _, ...older } = SMALL_RUN.data;
  expect(parseRunConfig({ ...SMALL_RUN, data: older }).data.specialTokens).toBe("tokenizer");
  const losses = async (config: RunConfig, teacher?: ModelFiles) => {
    const run = await openRun(gpu, config, sources(teacher && { teacher }));
    const records = await takeSteps(run, 2);
    const card = new TextDecoder().decode((await run.exportStudent()).get("README.md"));
    await run.destroy();
    return { losses: records.map(({ loss }) => loss), card };
  };
  const none = data({ specialTokens: "none" });
  const [plain, begun, off] = [
    await losses(SMALL_RUN),
    await losses(SMALL_RUN, withBos()),
    await losses(none, withBos()),
  ];
  expect(off.losses).toEqual(plain.losses);
  expect((await losses(none)).losses).toEqual(plain.losses); // the bundled tokenizers add nothing
  expect(begun.losses).not.toEqual(plain.losses);
  expect(plain.card).toContain("| around a text | `… <|end|>` |".replace("<|end|>", "<\\|end\\|>"));

  const teacherStates = createStateSets(memoryStore());
  const computed = async (config: RunConfig) => {
    const run = await openRun(gpu, config, sources({ teacher: withBos(), teacherStates }));
    await takeSteps(run, 1);
    const counts = await run.keepTeacherStates();
    await run.destroy();
    return counts;
  };
  const first = await computed(SMALL_RUN);
  expect(first).toMatchObject({ found: 0 });
  expect(await computed(SMALL_RUN)).toMatchObject({ computed: 0, found: first.computed }); // control
  expect(await computed(none)).toMatchObject({ computed: first.computed, found: 0 });
});

describe("positions", () => {
  const short = (id: string, n: number) => changed(id, { "config.json": { max_position_embeddings: n } });

  test.each<[string, Partial<RunSources>]>([
    ["a student of 40", { student: short("couplet-student", 40) }],
    ["a student of 41", { student: short("couplet-student", 41) }],
    ["a teacher of 41", { teacher: short("couplet-teacher", 41) }],
    ["both of 33", { student: short("couplet-student", 33), teacher: short("couplet-teacher", 33) }],
  ])("%s: rows are cut to it, and the run trains", async (_, given) => {
    const config = { ...data({ maxPrompt: 24, rows: 8 }), steps: 2 };
    const run = await openRun(gpu, config, sources(given));
    for (const { loss } of await takeSteps(run, 2)) expect(loss).toBeGreaterThan(0);
    const plans = await run.plans(0);
    expect(plans.length).toBeGreaterThan(0);
    for (const { plan } of plans) expect(plan.every((mass) => mass >= 0)).toBe(true);
    expect(run.facts().reading![2]).toMatch(/longer than the limits/);
    await run.destroy();
  });

  test("a prompt that is longer than either model's context costs no answer and no student", async () => {
    const far: Row = { ...bundledSources().heldOut[0]!, id: "far", promptCot: "one word more ".repeat(60) };
    const given = sources({
      student: short("couplet-student", 48),
      teacher: short("couplet-teacher", 40),
      heldOut: [far, ...bundledSources().heldOut],
    });
    const run = await openRun(gpu, { ...data({ maxPrompt: 44, rows: 8 }), steps: 1 }, given);
    await run.step();
    const answers = await run.answers(0);
    expect(answers.prompt).toBe(far.promptCot);
    for (const text of [answers.teacher, answers.before, answers.now]) expect(text).toBeTypeOf("string");
    expect((await run.exportStudent()).has("model.safetensors")).toBe(true);
    await run.destroy();
  });
});

test.each(["alm", "gold", "shared-vocabulary"] as const)(
  "%s: an empty thought on one side alone",
  async (id) => {
    const turn = (thought: string) =>
      "{% for m in messages %}{{ m.role }}:\n" +
      `{% if m.role == 'assistant' %}${thought}{% endif %}{{ m.content }}{{ eos_token }}\n{% endfor %}` +
      "{% if add_generation_prompt %}assistant:\n{% endif %}";
    const model = (name: string, thought: string) =>
      changed(name, { "tokenizer_config.json": { chat_template: turn(thought) } });
    const talks = rows.slice(0, 12).map(({ id: name, prompt, outputCot }) => ({
      ...{ id: name, prompt, output: outputCot! },
      turns: [{ role: "user" as const, content: prompt.trim() }],
    }));
    const config = { ...data({ view: "plain", rows: 8 }), method: PRESETS[id].config.method, steps: 1 };
    const run = async (thought: string) => {
      const opened = await openRun(
        gpu,
        config,
        sources({
          teacher: model("couplet-teacher", thought),
          student: model("couplet-student", ""),
          train: talks.slice(0, 8),
          heldOut: talks.slice(8),
        }),
      );
      const [record] = await takeSteps(opened, 1);
      const { coverage } = opened.facts();
      await opened.destroy();
      return { coverage, terms: record!.terms };
    };
    const [plain, thinks] = [await run(""), await run("<think>\n\n</think>\n\n")];
    expect(thinks.coverage).toEqual(plain.coverage);
    const others = Object.entries(thinks.terms).filter(([name]) => name !== "ce");
    expect(others.length).toBeGreaterThan(0);
    expect(others.some(([, value]) => value > 0)).toBe(true);
    expect(thinks.terms["ce"]).toBe(plain.terms["ce"]); // the student's side is the same
  },
);

describe("answers that a teacher writes", () => {
  test("say whether they ended", async () => {
    const teacher = await openTeacher(bundledSources().teacher, { device: "cpu" });
    const { ids, promptLength } = encodeRow(teacher.tokenizer, rows[0]!, "cot", 512, 256);
    const prompt = [...ids.subarray(0, promptLength)];
    const whole = await teacher.answer(prompt, { maxNewTokens: 100 });
    expect(whole).toEqual({ text: rows[0]!.outputCot, ended: true }); // as the bundled teacher does
    const length = teacher.tokenizer.encode(whole.text).length;
    expect(await teacher.answer(prompt, { maxNewTokens: length + 1 })).toEqual(whole);
    expect(await teacher.answer(prompt, { maxNewTokens: length })).toEqual({ ...whole, ended: false }); // eos was to come
    expect((await teacher.answer(prompt, { maxNewTokens: 3 })).ended).toBe(false);
    await teacher.dispose();
  });

  test("are refused and counted where they hit the limit, and the texts that are kept know it", async () => {
    const config = {
      ...data({ outputs: "teacher", rows: 8, maxLength: 60, maxPrompt: 48 }),
      method: { id: "sft" as const },
    };
    const teacherTexts = memoryTexts();
    const run = await openRun(gpu, config, sources({ teacherTexts }));
    const { rows: learned, notes = [] } = run.facts();
    const [, written, refused, cut] =
      /^The teacher's answers: (\d+) written, (\d+) refused, (\d+) of them cut off/
        .exec(notes.at(-1)!)!
        .map(Number);
    expect([written! + refused!, cut]).toEqual([8, refused]);
    expect(cut).toBeGreaterThan(0);
    expect(learned).toBe(written);
    await run.destroy();
    const teacher = await openTeacher(bundledSources().teacher, { device: "cpu" });
    const { maxNewTokens } = { maxNewTokens: 60 };
    const long = rows.slice(0, 8).filter((row) => {
      const prompt = teacher.tokenizer.encode(row.promptCot!).length;
      return prompt + teacher.tokenizer.encode(row.outputCot!).length + 1 > maxNewTokens;
    });
    expect(cut).toBe(long.length); // what the teacher would have written is the gold chain
    await teacher.dispose();
    const again = await openRun(gpu, config, sources({ teacherTexts }));
    expect(again.facts().notes).toEqual(notes);
    await again.destroy();
  });

  test("of which none ends: the run says so and does not begin", async () => {
    const config = data({ outputs: "teacher", rows: 4, maxLength: 52, maxPrompt: 48 });
    const given = sources({ train: rows.filter((row) => row.outputCot!.length > 80) });
    await expect(openRun(gpu, config, given)).rejects.toThrow(
      /none of the teacher's answers to 4 rows can be learned: 0 written, 4 refused, 4 of them cut off.*raise it/,
    );
  });

  test("are asked for with what the tokenizer puts in front, under a key of its own", async () => {
    const teacher = await openTeacher(withBos(), { device: "cpu" });
    const asked: number[][] = [];
    const answer = async (ids: readonly number[]) => (asked.push([...ids]), { text: "", ended: true });
    const writer = (config: RunConfig) =>
      writerOf({ ...teacher, answer, tokenizer: asConfigured(config, teacher.tokenizer) }, config);
    const [own, none] = [writer(SMALL_RUN), writer(data({ specialTokens: "none" }))];
    for (const one of [own, none]) await one.write("Question: ");
    const ids = teacher.tokenizer.encode("Question: ");
    expect(asked).toEqual([[1, ...ids], ids]);
    expect(own.id).not.toBe(none.id);
    await teacher.dispose();
  });
});
