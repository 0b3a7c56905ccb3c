// What a config's names mean on a disk: a bundled model or data set of this repository, or a path.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PRESETS } from "../config/presets";
import { parseRunConfigText, type RunConfig, splitSeedOf } from "../config/run";
import { importText, parseRows, type Row, splitRows } from "../data";
import { folderFiles } from "../models/node-files";
import { type ModelFiles, parseModelChoice } from "../models";
import type { RunSources } from "../trainer";
import { choiceFiles } from "./kernel-choices";
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

/** @throws BadUsage, ModelError, DataError naming what is missing or wrong. */
export function nodeSources(config: RunConfig): RunSources {
  const teacher = parseModelChoice(config.teacher);
  return {
    teacher: modelFolder("teacher", teacher.name),
    teacherDtype: teacher.dtype,
    student: modelFolder("student", config.student),
    ...rowsOf(config),
    device: "cpu",
    vocabularyMaps: mapFiles,
    kernelChoices: choiceFiles,
  };
}

function modelFolder(role: string, name: string): ModelFiles {
  const bundled = join(PUBLIC, "models", name);
  const dir = existsSync(bundled) ? bundled : resolve(name);
  if (existsSync(dir)) return folderFiles(name, dir);
  throw new BadUsage(`${role}: there is no bundled model and no folder "${name}" (looked at ${dir}).`);
}

function rowsOf(config: RunConfig): Pick<RunSources, "train" | "heldOut"> {
  const { data } = config;
  const bundled = (part: string) => join(PUBLIC, "data", `${data.source}-${part}.jsonl`);
  if (existsSync(bundled("train")))
    return { train: readRows(bundled("train")), heldOut: readRows(bundled("heldout")) };
  const file = resolve(data.source);
  if (!existsSync(file))
    throw new BadUsage(
      `data.source: there is no bundled data set and no file "${data.source}" (looked at ${file}).`,
    );
  return splitRows(readAny(file), splitSeedOf(config));
}

/** Our own JSON lines must be right to the last one; of other files what can be used is used, and the rest named. */
function readAny(file: string): readonly Row[] {
  const text = readFileSync(file, "utf8");
  if (file.endsWith(".jsonl") && text.includes('"prompt')) return parseRows(text, file);
  const { rows, dropped } = importText(text, file);
  for (const [reason, count] of Object.entries(dropped))
    console.error(`${file}: ${count} rows dropped: ${reason}`);
  return rows;
}

const readRows = (file: string): Row[] => parseRows(readFileSync(file, "utf8"), file);
