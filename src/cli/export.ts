// `couplet export RUN_DIR [--out ZIP|DIR] [--fp16]`: the student of a run, checked and ready to take away.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { zipSync } from "fflate";
import { parseRunConfigText, type RunConfig } from "../config/run";
import type { Gpu } from "../gpu/device";
import { exportStudentFolder, loadStudentWeights, type ModelFiles, type RunManifest } from "../models";
import { folderFiles } from "../models/files/node-files";
import { createModel, createParamStore, studentParameters } from "../student";
import { type ExportCheck, verifyExport } from "../trainer";
import { OK } from "./exit-codes";
import { openNodeGpu } from "./node-gpu";
import { checkWritable } from "./output-folder";
import { nodeSources } from "./sources";
import { type Arguments, BadUsage } from "./usage";
import { writeWhole } from "./whole-file";

const PROBE_PROMPTS = 3;
/** Of a run that trained adapters: merged in the weights, and on their own as PEFT reads them. */
const ADAPTER_FILES = ["adapter/adapter_config.json", "adapter/adapter_model.safetensors"];

export async function exportCommand({ positional, options }: Arguments): Promise<number> {
  const [dir = ""] = positional;
  const out = resolve(options.get("out") ?? join(dir, "student.zip"));
  const half = options.has("fp16");
  const manifest = readRun(dir);
  checkTarget(out);
  const source = folderFiles(`the student of ${dir}`, join(dir, "student"));
  const { config, tensors } = await loadStudentWeights(source);
  const folder = await exportStudentFolder(config, tensors, source, { half, manifest });
  for (const path of ADAPTER_FILES) {
    if (await source.has(path)) folder.set(path, await source.read(path));
  }
  const gpu = await openNodeGpu();
  try {
    const check = await verify(gpu, folder, source, await prompts(manifest.config));
    report(out, write(out, folder), check);
    return OK;
  } finally {
    gpu.destroy();
  }
}

/** The weights of the run on the GPU, against what is about to be written. */
async function verify(
  gpu: Gpu,
  folder: ReadonlyMap<string, Uint8Array>,
  source: ModelFiles,
  texts: readonly string[],
): Promise<ExportCheck> {
  const { config, tensors } = await loadStudentWeights(source);
  const store = createParamStore(gpu, studentParameters(tensors));
  const model = createModel(gpu, config, store);
  try {
    return await verifyExport(gpu, model, folder, "cpu", texts);
  } finally {
    model.destroy();
    store.destroy();
  }
}

/** @throws BadUsage when `dir` is not what `couplet run` writes. */
function readRun(dir: string): RunManifest {
  const text = (name: string): string | undefined => {
    const file = join(dir, name);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  };
  const config = text("config.json");
  if (config === undefined || !existsSync(join(dir, "student")))
    throw new BadUsage(
      `"${dir}" is no run: it needs config.json and student/, as \`couplet run CONFIG.json --out DIR\` writes them.`,
    );
  const metrics = lines(text("metrics.jsonl"));
  const evaluations = lines(text("evaluations.jsonl")).flatMap((line) => {
    const { step, correct, total } = line;
    return isNumber(step) && isNumber(correct) && isNumber(total) ? [{ step, correct, total }] : [];
  });
  const { loss, terms }: Record<string, unknown> = metrics.at(-1) ?? {};
  return {
    version: 1,
    steps: metrics.length,
    config: parseRunConfigText(config),
    evaluations,
    ...(isNumber(loss) && { loss }),
    ...(isTerms(terms) && { terms }),
  };
}

/** Lines that a run which was killed left half written are no evidence of anything. */
function lines(text = ""): Record<string, unknown>[] {
  return text.split("\n").flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === "object" && value !== null ? [{ ...value }] : [];
    } catch {
      return [];
    }
  });
}

const isTerms = (value: unknown): value is Record<string, number> =>
  typeof value === "object" && value !== null && Object.values(value).every(isNumber);

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** What the student was trained to answer; any text will do when the rows are gone. */
async function prompts(config: RunConfig): Promise<string[]> {
  try {
    const rows = (await nodeSources(config, () => undefined)).heldOut.slice(0, PROBE_PROMPTS);
    return rows.map((row) => (config.data.view === "cot" ? row.promptCot : undefined) ?? row.prompt);
  } catch {
    return ["Question: What is 2 + 3?\nAnswer:\n", "Once upon a time", "1 2 3"];
  }
}

const isZip = (path: string): boolean => path.toLowerCase().endsWith(".zip");

/** @throws BadUsage rather than mixing files into a folder that holds others. */
function checkTarget(out: string): void {
  checkWritable(isZip(out) || !existsSync(out) ? dirname(out) : out);
  if (isZip(out) || !existsSync(out)) return;
  if (!statSync(out).isDirectory())
    throw new BadUsage(`--out is a ZIP or a folder; "${out}" is another file.`);
  if (readdirSync(out).length > 0)
    throw new BadUsage(`--out: the folder "${out}" is not empty. Name a new one.`);
}

function write(out: string, folder: ReadonlyMap<string, Uint8Array>): number {
  if (isZip(out)) {
    mkdirSync(dirname(out), { recursive: true });
    const zip = zipSync(Object.fromEntries(folder), { level: 0 }); // weights do not compress
    writeWhole(out, zip);
    return zip.length;
  }
  const made = !existsSync(out);
  try {
    for (const [path, content] of folder) {
      const file = join(out, path);
      mkdirSync(dirname(file), { recursive: true });
      writeWhole(file, content);
    }
  } catch (error) {
    // Half a student is none: the folder was empty or not there.
    for (const name of existsSync(out) ? readdirSync(out) : [])
      rmSync(join(out, name), { recursive: true, force: true });
    if (made) rmSync(out, { recursive: true, force: true });
    throw error;
  }
  return [...folder.values()].reduce((sum, { length }) => sum + length, 0);
}

function report(out: string, bytes: number, { logitsGap, tokens, halfGap }: ExportCheck): void {
  console.log(`${out} (${(bytes / 1e6).toFixed(1)} MB)`);
  console.log(
    `loaded back: logits within ${logitsGap.toExponential(1)} of the trained student, ${tokens} greedy tokens identical`,
  );
  if (halfGap !== undefined) console.log(`f16 graph: logits within ${halfGap.toExponential(1)}`);
}
