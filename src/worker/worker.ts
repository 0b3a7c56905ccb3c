// The engine in its worker: the only place that owns a GPU device and models.
import { zipSync } from "fflate";
import { type RunConfig, splitSeedOf } from "../config/run";
import { parseRows } from "../data";
import { openGpu } from "../gpu/device";
import {
  absentFiles,
  createStateSets,
  opfsStore,
  parseModelChoice,
  TEACHER_STATES,
  urlFiles,
} from "../models";
import { needsTeacher, type RunSources } from "../trainer";
import { createEngine } from "./engine";
import { cachedChoices } from "./kernel-choices";
import { DATA_FOLDER, isLibraryKey, isOwnData, libraryFolder, ownRows } from "./own-sources";
import { sayAlive } from "./alive";
import type { Command, Event } from "./protocol";
import { cachedTexts } from "./teacher-texts";
import { cachedMaps } from "./vocabulary-maps";

const engine = createEngine(send, {
  openGpu: () => openGpu(navigator.gpu, { secureContext: self.isSecureContext }),
  sources,
  zip: (folder) => zipSync(Object.fromEntries(folder), { level: 0 }), // weights do not compress
  now: () => performance.now(),
});

self.addEventListener("message", (message: MessageEvent<Command>) => void engine.handle(message.data));

sayAlive();

/** Plans and zips are handed over, not copied; nobody here uses them again. */
function send(event: Event): void {
  const transfer: Transferable[] = [];
  if (event.type === "plan")
    for (const { plan, cost } of event.plans) transfer.push(plan.buffer, cost.buffer);
  if (event.type === "exported") transfer.push(event.zip.buffer);
  if (event.type === "checkpoint") transfer.push(event.checkpoint.buffer);
  self.postMessage(event, { transfer });
}

/** Of earlier runs, in the private file system. */
const teacherStates = createStateSets(opfsStore(TEACHER_STATES));

/** The bundled models and data, beside the page; models from the library ("hub:owner/name@revision", "local:name@mark"), own rows. */
async function sources(config: RunConfig, baseUrl: string): Promise<RunSources> {
  const folder = (id: string) =>
    isLibraryKey(id) ? libraryFolder(opfsStore(), id) : urlFiles(id, new URL(`models/${id}/`, baseUrl).href);
  const teacher = parseModelChoice(config.teacher);
  const rows = async (part: string) => {
    const url = new URL(`data/${config.data.source}-${part}.jsonl`, baseUrl).href;
    const response = await fetch(url);
    if (!response.ok) throw new Error(`The data file ${url} answered ${response.status}.`);
    return parseRows(await response.text(), url);
  };
  const { source } = config.data;
  return {
    teacher: needsTeacher(config) ? await folder(teacher.name) : absentFiles(teacher.name),
    teacherDtype: teacher.dtype,
    student: await folder(config.student),
    ...(isOwnData(source)
      ? await ownRows(opfsStore(DATA_FOLDER), source, splitSeedOf(config))
      : { train: await rows("train"), heldOut: await rows("heldout") }),
    device: "wasm",
    vocabularyMaps: cachedMaps,
    teacherTexts: cachedTexts,
    teacherStates,
    kernelChoices: cachedChoices,
  };
}
