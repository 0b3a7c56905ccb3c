// A run taken to a cluster — plan (what needs no Python; the rest is npm run test:cluster)
//   cards      every method's loss is in reference/cluster, or the run is refused in words; TRL's answer is a script or words
//   complete   of every preset: each file that the Python imports is there, and nothing is that its method does not use;
//              rows, models with their digests, what training starts from
//   lines      at most 900 of code in the folder of CoT2Align's standard run, comments and docstrings aside
//   rows       the view that is learned; both views of the published records; a conversation in each side's own template
//   first      records of the first steps go along with the batch they are of; without them the README says how they come
//   refused    rows that a teacher has not written; a method without a loss there; a folder without weights is named
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { clusterFiles, PARITY_STEPS } from "../../src/cluster";
import { carryModel } from "../../src/cluster/models";
import { clusterRow } from "../../src/cluster/rows";
import {
  METHOD_CARDS,
  type MethodConfig,
  methodDefaults,
  parseRunConfig,
  type RunConfig,
} from "../../src/config/run";
import { DEFAULT_RUN, PRESETS } from "../../src/config/presets";
import type { PreparedRow, Row } from "../../src/data";
import { memoryFiles, readSafetensors, type Tokenizer } from "../../src/models";
import { nodeSources } from "../../src/cli/sources";
import type { StepRecord } from "../../src/telemetry";

const FEW = { rows: 6 };
const small = (config: RunConfig): RunConfig => ({
  ...config,
  batchSize: 2,
  data: { ...config.data, ...FEW },
});

/** As much of run.json and parity.json as is looked at. */
interface Json {
  readonly tokenizers: Readonly<Record<string, { readonly digest: string }>>;
  readonly models: Readonly<Record<string, unknown>>;
  readonly adapter: string;
  readonly aligned: readonly (readonly (readonly number[])[])[];
  readonly steps: readonly unknown[];
  readonly batch: {
    readonly rows: readonly number[];
    readonly main: readonly Readonly<
      Record<"student" | "teacher", { readonly ids: readonly number[]; readonly prompt: number }>
    >[];
  };
}

async function exported(config: RunConfig, more: Partial<Parameters<typeof clusterFiles>[2]> = {}) {
  const sources = await nodeSources(config);
  const few = { ...sources, train: sources.train.slice(0, FEW.rows), heldOut: sources.heldOut.slice(0, 2) };
  const files = await clusterFiles(config, few, { mostModelBytes: 2 ** 30, ...more });
  const text = (path: string) => new TextDecoder().decode(files.get(path));
  return { files, text, json: (path: string) => JSON.parse(text(path)) as Json };
}

const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "not refused",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

/** Methods whose loss reference/cluster does not have yet: each is refused by its name. */
const NOT_YET = ["simct", "simple_ctkd", "x_token"];
const presetsOf = Object.entries(PRESETS).filter(
  ([, { config }]) => config.data.outputs === "gold" && !NOT_YET.includes(config.method.id),
);

describe("every preset", () => {
  test.each(presetsOf)("%s", async (_, { config }) => {
    const { files, text, json } = await exported(small(config));
    const own = [...files.keys()].filter((path) => path.endsWith(".py"));
    const modules = new Set(own.map((path) => path.replace(/\.py$/, "").replaceAll("/", ".")));
    const named = own.flatMap((path) =>
      [...text(path).matchAll(/^(?:from|import) ([\w.]+)/gm)].map(([, name = ""]) => ({ path, name })),
    );
    const ours =
      /^(losses\.\w+|settings|data|models|objective|transport|tokens|text_match|evaluate|train|implicit)$/;
    expect(named.filter(({ name }) => ours.test(name) && !modules.has(name))).toEqual([]);
    const losses = own.filter((path) => path.startsWith("losses/") && !path.endsWith("__init__.py"));
    expect(losses.length).toBeLessThanOrEqual(3); // the method's own, and what it shares
    expect(json("config.json")).toEqual(small(config));
    const { tokenizers, models } = json("run.json");
    for (const role of Object.keys(models)) {
      const file = files.get(`models/${role}/tokenizer.json`)!;
      expect(tokenizers[role]?.digest).toBe(createHash("sha256").update(file).digest("hex"));
      expect(files.get(`models/${role}/model.safetensors`)!.length).toBeGreaterThan(7e5);
    }
    const rows = text("data/train.jsonl").trimEnd().split("\n");
    expect(rows.length).toBe(
      config.data.records === "published" && config.method.id === "cot2align" ? 12 : 6,
    );
    const start = readSafetensors(files.get("start.safetensors")!);
    expect(start.has("projector.ot.weight")).toBe(config.method.id === "cot2align");
    expect(files.has("trl_gold.py")).toBe(!files.has("TRL.md"));
    expect(text("README.md")).toContain("accelerate launch");
    expect(text("README.md")).toContain("There is no parity.json");
  });
});

test("every card's loss is there, alone and as a base; one that is not is refused in words", async () => {
  for (const { id, tokenizers } of METHOD_CARDS) {
    const config = parseRunConfig({ ...small(DEFAULT_RUN), method: methodDefaults(id) });
    const one = tokenizers === "one";
    if (NOT_YET.includes(id)) {
      expect(await refusal(exported(config))).toMatch(
        /cannot go to a cluster yet: reference\/cluster has no loss for it$/,
      );
      continue;
    }
    const { text } = await exported(one ? { ...config, teacher: config.student } : config);
    if (id !== "sft" && id !== "cot2align") expect(text(`losses/${id}.py`)).toContain("def terms(");
  }
  const unknown = { ...small(DEFAULT_RUN), method: { id: "dream", kdRate: 0.5 } as unknown as MethodConfig };
  expect(await refusal(exported(unknown))).toMatch(
    /^dream cannot go to a cluster yet: reference\/cluster has no loss/,
  );
});

test("a CoT2Align folder can be read in one sitting", async () => {
  const { files, text } = await exported(small(DEFAULT_RUN));
  const code = [...files.keys()]
    .filter((path) => path.endsWith(".py"))
    .flatMap((path) =>
      text(path)
        .replaceAll(/^\s*"""[^]*?"""$/gm, "")
        .split("\n"),
    )
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  expect(code.length).toBeGreaterThan(300);
  expect(code.length).toBeLessThanOrEqual(900);
});

test("where TRL cannot, it is said why", async () => {
  const { text } = await exported(small(DEFAULT_RUN));
  expect(text("TRL.md")).toContain("transport reads both models' states");
  const gold = await exported(small(PRESETS.uld.config));
  expect(gold.text("trl_gold.py")).toContain('uld_token_merge_strategy="bayesian"');
  const one = parseRunConfig({
    ...small(PRESETS.gold.config),
    method: { ...methodDefaults("gold"), matchedWeight: 0.5 },
  });
  const words = (await exported(one)).text("TRL.md");
  expect(words).toMatch(/one of these two is not|this run sets one/);
});

describe("rows", () => {
  const row: Row = { id: "r", prompt: "p", output: "o", promptCot: "pc", outputCot: "oc", answer: "a" };
  const prepared = (more: Partial<PreparedRow> = {}) => ({ index: 0, row, ...more }) as PreparedRow;
  const plainTokenizer = {} as Tokenizer;
  const readers = (views: 1 | 2, student = plainTokenizer) => ({ student, teacher: plainTokenizer, views });
  const sides = {} as NonNullable<PreparedRow["plain"]>;

  test("the view that is learned, and the plain one beside it", () => {
    expect(clusterRow(prepared(), DEFAULT_RUN, readers(1))).toMatchObject({
      prompt: "pc",
      plain_output: null,
    });
    const both = clusterRow(prepared({ plain: sides }), DEFAULT_RUN, readers(2));
    expect(both).toMatchObject({
      prompt: "pc",
      output: "oc",
      plain_prompt: "p",
      plain_output: "o",
      answer: "a",
    });
    // Of the published two records of a row, the first is its plain view alone.
    expect(clusterRow(prepared(), DEFAULT_RUN, readers(2))).toMatchObject({
      prompt: "p",
      plain_output: null,
    });
  });

  test("a conversation in the template of the side that has one", () => {
    const turns = [{ role: "user", content: "hi" }] as const;
    const pair = { prompt: "<u>hi<a>", reply: "yo<e>", closed: false };
    const templated = { chat: { pair: () => pair } } as unknown as Tokenizer;
    const plain = { ...DEFAULT_RUN, data: { ...DEFAULT_RUN.data, view: "plain" as const } };
    const talk = { index: 0, row: { ...row, turns } } as unknown as PreparedRow;
    expect(clusterRow(talk, plain, readers(1, templated)).chat).toEqual({ student: pair, teacher: null });
    expect(clusterRow(talk, plain, readers(1)).chat).toBeNull();
  });
});

describe("first steps", () => {
  const record: StepRecord = {
    ...{ step: 1, loss: 2, terms: { ce: 2 }, gradNorm: 1, learningRate: 1e-3, tokenAccuracy: 0, tokens: 9 },
    ...{ marginalError: 0, unconverged: 0, ms: 1 },
  };

  test("go along with their batch", async () => {
    const config = small(PRESETS.alm.config);
    const { json, text } = await exported(config, { first: { steps: [record], adapter: "here" } });
    const { batch, aligned, steps, adapter } = json("parity.json");
    expect(adapter).toBe("here");
    expect(steps).toMatchObject([{ step: 1, loss: 2, terms: { ce: 2 }, gradNorm: 1 }]);
    expect(batch.rows.length).toBe(config.batchSize);
    for (const { student, teacher } of batch.main)
      expect(
        Math.min(student.ids.length - student.prompt, teacher.ids.length - teacher.prompt),
      ).toBeGreaterThan(0);
    for (const chunks of aligned) expect(chunks[0]?.slice(0, 1)).toEqual([0]);
    expect(text("README.md")).toContain("the first 1 step of this run");
    expect(PARITY_STEPS).toBe(10);
  });

  test("answers that the student writes as it learns are refused", async () => {
    const data = { ...DEFAULT_RUN.data, outputs: "student" as const };
    expect(await refusal(exported(small({ ...PRESETS.opd.config, data })))).toMatch(
      /the student writes its own answers/,
    );
  });

  test("rows that a teacher has yet to write are refused; written ones go along", async () => {
    const config = small(PRESETS.seqkd.config);
    expect(await refusal(exported(config))).toMatch(/load the run, then take it along/);
    const train = (await nodeSources(config)).train
      .slice(0, 3)
      .map((row) => ({ ...row, outputCot: "written." }));
    const { text } = await exported(config, { first: { steps: [], adapter: "", train } });
    expect(text("data/train.jsonl").match(/"output":"written\."/g)).toHaveLength(3);
  });
});

test("weights that are not carried are named in the README; a hub's model goes by its name", async () => {
  const { text, files } = await exported(small(DEFAULT_RUN), { mostModelBytes: 0 });
  expect(files.has("models/teacher/model.safetensors")).toBe(false);
  expect(text("README.md")).toMatch(/copy model\.safetensors .* of couplet-teacher into models\/teacher/);
  const { teacher } = await nodeSources(DEFAULT_RUN);
  const onnxOnly = memoryFiles("t", new Map([["config.json", await teacher.read("config.json")]]));
  expect(await carryModel("teacher", "some/where", onnxOnly, 1)).toMatchObject({
    missing: "put the safetensors of where into models/teacher",
  });
  expect((await carryModel("teacher", "hub:a/b@c0ffee", onnxOnly, 1)).source).toEqual({
    hub: "a/b",
    revision: "c0ffee",
  });
});
