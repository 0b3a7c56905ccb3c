// The lab in its worker: the bundled models through transformers.js on the CPU, from this site alone.
import { parseRows } from "../data";
import { loadTokenizer, openTeacher, urlFiles } from "../models";
import { createLab, type Lab, type LabSources } from "./lab";
import type { LabCommand, LabEvent } from "./lab-protocol";

const post = (event: LabEvent): void => self.postMessage(event);
let lab: Lab | undefined;

self.addEventListener("message", (message: MessageEvent<LabCommand>) => {
  const command = message.data;
  switch (command.type) {
    case "open":
      lab = createLab(sourcesAt(command.baseUrl), post);
      void sendRows(lab);
      return;
    case "read":
      void lab?.read(command);
      return;
  }
  command satisfies never;
});

async function sendRows(opened: Lab): Promise<void> {
  try {
    post({ type: "rows", rows: await opened.rows() });
  } catch (error) {
    post({ type: "failed", id: 0, detail: error instanceof Error ? error.message : String(error) });
  }
}

function sourcesAt(baseUrl: string): LabSources {
  const folder = (id: string) => urlFiles(id, new URL(`models/${id}/`, baseUrl).href);
  const student = folder("couplet-student");
  const teacher = folder("couplet-teacher");
  const rows = async (part: string) => {
    const url = new URL(`data/reasoning-${part}.jsonl`, baseUrl).href;
    const response = await fetch(url);
    if (!response.ok) throw new Error(`The data file ${url} answered ${response.status}.`);
    return parseRows(await response.text(), url);
  };
  return {
    tokenizers: async () => ({
      student: await loadTokenizer(student),
      teacher: await loadTokenizer(teacher),
    }),
    models: async () => ({
      student: await openTeacher(student, { device: "wasm" }),
      teacher: await openTeacher(teacher, { device: "wasm" }),
    }),
    heldOut: () => rows("heldout"),
    train: () => rows("train"),
  };
}
