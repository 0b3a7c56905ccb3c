// What a config's names mean on a disk: a bundled model or data set of this repository, or a path.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PRESETS } from "../config/presets";
import { isOnPolicy, parseRunConfigText, type RunConfig, splitSeedOf } from "../config/run";
import { checkEnough, parseRows, type Row, splitRows } from "../data";
import { folderFiles } from "../models/files/node-files";
import { absentFiles, type ModelFiles, parseModelChoice } from "../models";
import { needsTeacher, type RunSources } from "../trainer";
import { readDataFile } from "./data-file";
import { choiceFiles } from "./kernel-choices";
import { tidy } from "./memory";
import { BadUsage } from "./usage";
import { mapFiles } from "./vocabulary-maps";

/** @throws BadUsage for a file that cannot be read, ConfigError for one that is no run config. */
export function readConfig(file: string): RunConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new BadUsage(`The config file "${file}" cannot be read.`);
  }
  return parseRunConfigText(text);
}

/** @throws BadUsage naming the presets that there are. */
export function presetConfig(id: string): RunConfig {
  const found = Object.entries(PRESETS).find(([known]) => known === id);
  if (!found) throw new BadUsage(`There is no preset "${id}", only ${Object.keys(PRESETS).join(", ")}.`);
  return found[1].config;
}

const PUBLIC = resolve(import.meta.dirname, "../../public");

/** @param tell hears what became of a data file, line by line. @throws BadUsage, ModelError, DataError naming what is missing or wrong. */
export async function nodeSources(
  config: RunConfig,
  tell: (line: string) => void = console.error,
): Promise<RunSources> {
  const models = modelSources(config);
  return { ...models, ...(bundledRows(config) ?? (await ownRows(config, tell))) };
}

/** Of a config that names bundled rows. @throws BadUsage for any other. */
export function bundledSources(config: RunConfig): RunSources {
  const rows = bundledRows(config);
  if (!rows) throw new BadUsage(`data.source: there is no bundled data set "${config.data.source}".`);
  return { ...modelSources(config), ...rows };
}

function modelSources(config: RunConfig): Omit<RunSources, "train" | "heldOut"> {
  const teacher = parseModelChoice(config.teacher);
  return {
    teacher: teacherFolder(config, teacher.name),
    teacherDtype: teacher.dtype,
    student: modelFolder("student", config.student),
    device: "cpu",
    vocabularyMaps: mapFiles,
    kernelChoices: choiceFiles,
    tidy,
  };
}

/** One that the run asks for nothing need not be there. */
function teacherFolder(config: RunConfig, name: string): ModelFiles {
  try {
    return modelFolder("teacher", name);
  } catch (error) {
    if (needsTeacher(config)) throw error;
    return absentFiles(name);
  }
}

function modelFolder(role: string, name: string): ModelFiles {
  const bundled = join(PUBLIC, "models", name);
  const dir = existsSync(bundled) ? bundled : resolve(name);
  if (existsSync(dir)) return folderFiles(name, dir);
  throw new BadUsage(`${role}: there is no bundled model and no folder "${name}" (looked at ${dir}).`);
}

type SourceRows = Pick<RunSources, "train" | "heldOut">;

function bundledRows({ data }: RunConfig): SourceRows | undefined {
  const file = (part: string) => join(PUBLIC, "data", `${data.source}-${part}.jsonl`);
  if (!existsSync(file("train"))) return undefined;
  const read = (part: string): Row[] => parseRows(readFileSync(file(part), "utf8"), file(part));
  return { train: read("train"), heldOut: read("heldout") };
}

async function ownRows(config: RunConfig, tell: (line: string) => void): Promise<SourceRows> {
  const { rows, file } = await readDataFile(config.data.source, tell, {
    promptsOnly: isOnPolicy(config.data),
  });
  checkEnough(rows, file);
  return splitRows(rows, splitSeedOf(config));
}
