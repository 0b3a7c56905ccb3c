// the card of an exported student — plan
//   names      no path of a disk, in card, manifest or adapter, × {POSIX, Windows, home, relative, trailing slash}; hubs, addresses and
//              bundled models as they are called; base_model of a hub alone; who asks an address is left out
//   head       YAML that a reader of JSON strings reads: licence of the source's own card, of the bundled models, or unknown
//   settings   LoRA with rank and targets, and adapter/ among the files; a method's settings; accumulation; the loss by terms
//   escapes    names with signs of Markdown, HTML and YAML, line breaks and backticks: one line each, nothing but text
import { expect, test } from "vitest";
import { PRESETS } from "../../../src/config/presets";
import type { RunConfig } from "../../../src/config/run";
import { exportStudentFolder, hubId, memoryFiles, publicName, type RunManifest } from "../../../src/models";
import { randomTensors, tinyConfig, tokenizerFiles } from "./tiny";

const BASE = PRESETS["first-light"].config;
const manifest = (config: Partial<RunConfig>, more: Partial<RunManifest> = {}): RunManifest => ({
  ...{ version: 1, steps: 4, evaluations: [] },
  config: { ...BASE, ...config },
  ...more,
});

async function exported(given: RunManifest, source: [string, Uint8Array][] = []) {
  const files = memoryFiles("tiny", new Map([...tokenizerFiles(), ...source]));
  const folder = await exportStudentFolder(tinyConfig, randomTensors(tinyConfig, 1), files, {
    manifest: given,
  });
  const text = (path: string) => new TextDecoder().decode(folder.get(path));
  const card = text("README.md");
  const [, head = ""] = /^---\n([\s\S]*?)\n---\n/.exec(card) ?? [];
  return {
    card,
    head: head.split("\n"),
    run: JSON.parse(text("couplet-run.json")) as RunManifest,
    all: [...folder],
  };
}

test.each([
  ["/home/someone/models/smollm2", "smollm2"],
  ["/home/someone/models/smollm2/", "smollm2"],
  ["C:\\Users\\someone\\smollm2", "smollm2"],
  ["~/smollm2", "smollm2"],
  ["../smollm2", "smollm2"],
  ["models/smollm2", "smollm2"],
  ["couplet-student", "couplet-student"],
  ["hub:owner/name@main", "hub:owner/name@main"],
  ["local:name@0a1b2c", "local:name@0a1b2c"],
  ["https://someone:secret@models.example/m?token=1#x", "https://models.example/m"],
  ["HTTPS://Someone:Secret@models.example/m?token=1", "https://models.example/m"],
  ["https://a@b:c@models.example/m", "https://models.example/m"],
  ["s3://key:secret@bucket/m?X-Signature=1", "s3://bucket/m"],
  ["https://models.example/m;token=1", "https://models.example/m"],
  [" https://models.example/m?token=1", "https://models.example/m"],
  ["https://models.example?token=1/2", "https://models.example"],
  ["file:///home/someone/smollm2", "smollm2"],
  ["..", "model"],
])("%s is called %s", (name, called) => {
  expect(publicName(name)).toBe(called);
});

test("no path leaves the disk", async () => {
  const { card, run, all } = await exported(
    manifest({
      teacher: "/home/someone/secret/teacher#q4",
      student: "/home/someone/secret/student",
      data: { ...BASE.data, source: "/home/someone/secret/rows.jsonl" },
    }),
  );
  expect(run.config).toMatchObject({
    teacher: "teacher#q4",
    student: "student",
    data: { source: "rows.jsonl" },
  });
  expect(card).toContain("# A student of teacher\\#q4");
  const decoder = new TextDecoder();
  for (const [path, bytes] of all.filter(([name]) => /\.(md|json)$/.test(name)))
    expect(decoder.decode(bytes), path).not.toMatch(/someone|secret/);
});

test("the head: base model and licence", async () => {
  const hub = await exported(manifest({ student: "hub:owner/name@c0ffee" }));
  expect(hub.head).toContain('base_model: "owner/name"');
  expect(hub.head).toContain('license: "unknown"');
  expect(hubId("local:name@0a")).toBeUndefined();
  const own = await exported(manifest({ student: "/models/m" }), [
    [
      "README.md",
      new TextEncoder().encode("---\nlanguage: en\nlicense: apache-2.0\n---\n# M\nlicense: none"),
    ],
  ]);
  expect(own.head).toContain('license: "apache-2.0"');
  expect(own.head.join()).not.toContain("base_model");
  expect((await exported(manifest({ student: "couplet-student" }))).head).toContain('license: "mit"');
});

test("adapters, a method's settings, accumulation, the loss by its terms", async () => {
  const { card } = await exported(
    manifest(
      {
        ...{ batchSize: 2, accumulation: 4, steps: 8 },
        training: { kind: "lora", rank: 8, alpha: 16, targets: ["q_proj", "v_proj"] },
        method: { id: "alm", temperature: 100, debias: true, kdRate: 0.9 },
      },
      { loss: 7.234, terms: { ce: 1.5, alm: 5.734 } },
    ),
  );
  expect(card).toContain("| trained | adapters (LoRA) of rank 8, alpha 16, on `q_proj`, `v_proj` |");
  expect(card).toContain("- `adapter/`: the adapters on their own");
  expect(card).toContain("| alm: temperature | `100` |\n| alm: debias | `true` |\n| alm: kdRate | `0.9` |");
  expect(card).toContain("| steps × rows | 4 of 8 × 2 × 4 |");
  expect(card).toContain("| loss of the last step | 7.2340 (ce 1.5000, alm 5.7340) |");
  const { card: light } = await exported(manifest({}));
  expect(light).toMatch(/\| cot2align: transport\.cost \| `\w+` \|/);
  expect(light).toMatch(/\| cot2align: transport\.epsilon[\w.]* \| `[\d.]+` \|/);
  expect(light).toMatch(/\| cot2align: kdRate \| `[\d.]+` \|/);
  expect(light).toContain("| trained | all weights |");
  expect(light).not.toContain("adapter/");
});

test("names are text, whatever is in them", async () => {
  const odd = "a`b``c|d <img src=x> [x](y) *z* #1\n---\nlicense: mine";
  const { card, head } = await exported(manifest({ teacher: odd, student: `hub:own"er: {/${odd}@1` }));
  expect(head.filter((line) => line.startsWith("license"))).toEqual(['license: "unknown"']);
  const base = head.find((line) => line.startsWith("base_model: "))!.slice("base_model: ".length);
  expect(JSON.parse(base)).toBe(hubId(`hub:own"er: {/${odd}@1`));
  const title = card.split("\n").find((line) => line.startsWith("# "))!;
  expect(title).toBe(
    "# A student of a\\`b\\`\\`c\\|d \\<img src=x\\> \\[x\\]\\(y\\) \\*z\\* \\#1 --- license: mine",
  );
  const row = card.split("\n").find((line) => line.startsWith("| teacher |"))!;
  expect(row).toBe("| teacher | ``` a`b``c\\|d <img src=x> [x](y) *z* #1 --- license: mine ``` |");
});

test("SFT on given answers names no teacher; on answers that a teacher wrote it does", async () => {
  const plain = await exported(manifest({ method: { id: "sft" }, teacher: "nobody/at-all" }));
  expect(plain.card).not.toMatch(/nobody|distil/);
  expect(plain.card).toContain("# couplet-student, fine-tuned");
  expect(plain.head.join("\n")).toContain("tags: [fine-tuning, couplet, llama]");
  const data = { ...BASE.data, outputs: "teacher" as const };
  const written = await exported(manifest({ method: { id: "sft" }, data }));
  expect(written.card).toContain("# A student of couplet-teacher");
});
