// couplet export — plan
//   a run's student   as a zip and as a folder: safetensors, config, tokenizer, generation config, ONNX (+ f16), model
//                     card with the run; loads in plain transformers.js and writes what our engine writes
//   adapters          of a LoRA run travel along to the byte, beside the merged weights
//   the check         weights that are not those of the ONNX file are caught, and nothing is written
//   the disk          full: said in a line, the earlier export whole, nothing left beside it; one that takes no files: at once
//   bad input         no run, a folder in the way, an unknown option: exit 2 and one message
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { main } from "../../../src/cli/main";
import { memoryFiles, openTeacher, readSafetensors, type RunManifest } from "../../../src/models";
import { createModel, createParamStore, studentParameters } from "../../../src/student";
import { loadStudentWeights } from "../../../src/models";
import { folderFiles } from "../../../src/models/files/node-files";
import { verifyExport } from "../../../src/trainer";
import { SMALL_RUN } from "../../support/bundled";
import { testGpu } from "../../support/gpu";

let dir: string;
let run: string;
let lines: string[] = [];
const bundled = join(import.meta.dirname, "../../../public/models/couplet-student");

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "couplet-export-"));
  run = join(dir, "run");
  cpSync(bundled, join(run, "student"), { recursive: true });
  writeFileSync(join(run, "config.json"), JSON.stringify(SMALL_RUN));
  writeFileSync(join(run, "metrics.jsonl"), '{"step":1,"loss":2.5}\n{"step":2,"loss":2.25}\n');
  writeFileSync(join(run, "evaluations.jsonl"), '{"step":0,"correct":3,"total":10}\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  lines = [];
  for (const method of ["log", "error"] as const)
    vi.spyOn(console, method).mockImplementation((...parts: unknown[]) => void lines.push(parts.join(" ")));
});

test("a zip with everything, checked, and an f16 graph", async () => {
  expect(await main(["export", run, "--fp16"])).toBe(0);
  expect(lines.join("\n")).toMatch(
    /logits within \d\.\de-\d+ of the trained student, \d+ greedy tokens identical/,
  );
  const zip = new Map(Object.entries(unzipSync(readFileSync(join(run, "student.zip")))));
  expect([...zip.keys()].toSorted()).toEqual([
    "README.md",
    "config.json",
    "couplet-run.json",
    "generation_config.json",
    "model.safetensors",
    "onnx/model.onnx",
    "onnx/model_fp16.onnx",
    "tokenizer.json",
    "tokenizer_config.json",
  ]);
  const text = (path: string) => new TextDecoder().decode(zip.get(path));
  const manifest = JSON.parse(text("couplet-run.json")) as RunManifest;
  expect(manifest).toMatchObject({ steps: 2, loss: 2.25, config: SMALL_RUN });
  expect(text("README.md")).toContain("| 0 | 3 of 10 | 30.0% |");
  expect(text("README.md")).toContain("200,128 parameters");
  expect(JSON.parse(text("config.json"))).toMatchObject({ bos_token_id: 1, initializer_range: 0.02 });
  expect(zip.get("onnx/model_fp16.onnx")!.length).toBeLessThan(0.55 * zip.get("onnx/model.onnx")!.length);

  // A stranger's session: the f16 graph under the name that is read first.
  const half = new Map([...zip, ["onnx/model.onnx", zip.get("onnx/model_fp16.onnx")!]]);
  const prompt = "Question: Tara has 6 eggs. Tara buys 10. How many eggs are left?\nAnswer:\n";
  const answers = await Promise.all(
    [folderFiles("bundled", bundled), memoryFiles("zip", zip), memoryFiles("half", half)].map(
      async (files) => {
        const session = await openTeacher(files, { device: "cpu" });
        const text = await session.generate(prompt, { maxNewTokens: 12 });
        await session.dispose();
        return text;
      },
    ),
  );
  expect(answers[1]).toBe(answers[0]);
  expect(answers[2]).toBe(answers[0]);
});

test("a folder; one that is in the way is refused", async () => {
  const out = join(dir, "taken");
  expect(await main(["export", run, "--out", out])).toBe(0);
  expect(existsSync(join(out, "onnx/model.onnx"))).toBe(true);
  expect(readdirSync(out)).not.toContain("onnx/model_fp16.onnx");
  expect(await main(["export", run, "--out", out])).toBe(2);
  expect(lines.at(-1)).toContain("is not empty");
});

const onLinux = process.platform === "linux"; // /dev/full is a disk without room, /proc one that takes no files

test.skipIf(!onLinux)(
  "a full disk: one line, the export that was there is whole, nothing is beside it",
  async () => {
    const out = join(dir, "full.zip");
    writeFileSync(out, "an earlier export");
    symlinkSync("/dev/full", `${out}.part`);
    expect(await main(["export", run, "--out", out])).toBe(2);
    expect(lines).toContain(`"${out}" cannot be written: the disk is full (ENOSPC).`);
    expect(readFileSync(out, "utf8")).toBe("an earlier export");
    expect(existsSync(`${out}.part`)).toBe(false);
  },
);

test.skipIf(!onLinux)("a disk that takes no files is said before anything is loaded", async () => {
  for (const out of ["/proc/couplet-out", "/proc/student.zip"]) {
    lines = [];
    expect(await main(["export", run, "--out", out])).toBe(2);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^--out: nothing can be written to "\/proc/);
  }
});

test("a student of another family: GPT-2", async () => {
  const other = join(dir, "gpt2");
  cpSync(join(bundled, "../couplet-gpt2"), join(other, "student"), { recursive: true });
  writeFileSync(join(other, "config.json"), JSON.stringify({ ...SMALL_RUN, student: "couplet-gpt2" }));
  expect(await main(["export", other])).toBe(0);
  expect(lines.join("\n")).toMatch(/logits within \d\.\de-\d+ of the trained student, \d+ greedy tokens/);
});

test("a run of adapters: merged in the weights, and beside them as PEFT reads them", async () => {
  const [config, trained] = [join(dir, "lora.json"), join(dir, "lora")];
  const training = { kind: "lora", rank: 2, alpha: 4, targets: ["q_proj", "v_proj"] };
  writeFileSync(config, JSON.stringify({ ...SMALL_RUN, steps: 1, training }));
  expect(await main(["run", config, "--out", trained])).toBe(0);
  const out = join(dir, "lora-taken");
  expect(await main(["export", trained, "--out", out])).toBe(0);
  for (const file of ["adapter_config.json", "adapter_model.safetensors"]) {
    const [before, after] = [join(trained, "student/adapter", file), join(out, "adapter", file)];
    expect(readFileSync(after).equals(readFileSync(before)), file).toBe(true);
  }
  const adapters = readSafetensors(
    new Uint8Array(readFileSync(join(out, "adapter/adapter_model.safetensors"))),
  );
  expect(adapters.size).toBe(2 * 2 * 3); // A and B of two matrices in three blocks
  const [merged, base] = [out, bundled].map((folder) =>
    readSafetensors(new Uint8Array(readFileSync(join(folder, "model.safetensors")))),
  );
  const q = "model.layers.0.self_attn.v_proj.weight";
  expect(merged!.get(q)!.data).not.toEqual(base!.get(q)!.data); // control: a step was taken
});

test("an export that is not the trained student is caught", async () => {
  const gpu = await testGpu();
  const files = folderFiles("bundled", bundled);
  const { config, tensors } = await loadStudentWeights(files);
  const norm = tensors.get("model.norm.weight")!;
  tensors.set("model.norm.weight", { ...norm, data: norm.data.map((v) => v * 1.001) });
  const store = createParamStore(gpu, studentParameters(tensors));
  const model = createModel(gpu, config, store);
  const folder = new Map<string, Uint8Array>();
  for (const path of ["config.json", "tokenizer.json", "tokenizer_config.json", "onnx/model.onnx"])
    folder.set(path, await files.read(path));
  await expect(verifyExport(gpu, model, folder, "cpu", ["Question: "])).rejects.toThrow(
    /not the student that was trained.*logits are off by up to 0\.0\d+/,
  );
  model.destroy();
  store.destroy();
});

test.each([
  [["export"], "Usage: couplet export"],
  [["export", "/nowhere"], "is no run: it needs config.json and student/"],
  [["export", ".", "--bf16"], "There is no option --bf16, only --out, --fp16"],
])("%s", async (argv, message) => {
  expect(await main(argv)).toBe(2);
  expect(lines.join("\n")).toContain(message);
});
