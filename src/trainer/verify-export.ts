// Is the folder that leaves the student that was trained? It is opened as a stranger would, in a fresh session from
// its bytes alone, and held against our engine: logits on a probe, and greedy continuations token by token.
import { textIds } from "../data";
import type { Gpu } from "../gpu/device";
import {
  type Device,
  HALF_ONNX_FILE,
  loadTokenizer,
  memoryFiles,
  openTeacher,
  type Teacher,
} from "../models";
import { createGenerator, studentLogits, type StudentModel } from "../student";
import { RunError } from "./failure";

export interface ExportCheck {
  /** Largest |exported logits − our engine's| on the prompts. */
  readonly logitsGap: number;
  /** Largest |logit| there: what the gap is judged against. */
  readonly largestLogit: number;
  /** New tokens of the greedy continuations, all of which were identical. */
  readonly tokens: number;
  /** The same distance for the f16 graph, whose weights are rounded: reported, not judged. */
  readonly halfGap?: number;
}

/** Of the largest logit, or absolute where no logit is above 1: rounding grows with the numbers that are rounded. */
const EXPORT_TOLERANCE = 1e-4;
const NEW_TOKENS = 32;
const PROMPT_TOKENS = 64;

/**
 * @throws RunError `export-differs` when the folder is not the student; `not-finite` when the student itself has
 *   overflowed, so that nothing can be compared.
 */
export async function verifyExport(
  gpu: Gpu,
  model: StudentModel,
  folder: ReadonlyMap<string, Uint8Array>,
  device: Device,
  prompts: readonly string[],
): Promise<ExportCheck> {
  const files = memoryFiles("the exported student", folder);
  const tokenizer = await loadTokenizer(files);
  const room = Math.min(PROMPT_TOKENS, model.config.maxPositions - 1);
  const ids = prompts.map((text) => textIds(tokenizer, text).slice(0, room)).filter((p) => p.length > 0);
  const wanted: Float32Array[] = [];
  for (const prompt of ids)
    wanted.push(await studentLogits(gpu, model, Int32Array.from(prompt), 1, prompt.length));
  if (!wanted.every((logits) => logits.every(Number.isFinite))) throw overflowed();
  const exported = await openTeacher(files, { device, tokenizer, keepWeights: false, checkHead: false });
  try {
    const logitsGap = await largestGap(exported, ids, wanted);
    const largestLogit = wanted.reduce(
      (most, logits) => logits.reduce((m, x) => Math.max(m, Math.abs(x)), most),
      0,
    );
    const allowed = EXPORT_TOLERANCE * Math.max(1, largestLogit);
    if (!(logitsGap <= allowed)) {
      throw differs(
        `its logits are off by up to ${logitsGap.toPrecision(3)}; at most ${allowed.toPrecision(3)} is allowed`,
      );
    }
    const tokens = await sameContinuations(gpu, model, exported, ids);
    return { logitsGap, largestLogit, tokens, ...(await halfCheck(folder, device, ids, wanted)) };
  } finally {
    await exported.dispose();
  }
}

async function largestGap(exported: Teacher, prompts: number[][], wanted: Float32Array[]): Promise<number> {
  let gap = 0;
  for (const [i, ids] of prompts.entries()) {
    const mask = new Uint8Array(ids.length).fill(1);
    const out = await exported.forward(Int32Array.from(ids), mask, 1, ids.length, { logits: true });
    const want = wanted[i] ?? new Float32Array(0);
    if (out.logits?.length !== want.length) return Infinity;
    for (const [at, value] of out.logits.entries()) {
      const difference = Math.abs(value - (want[at] ?? NaN));
      gap = Number.isNaN(difference) ? Infinity : Math.max(gap, difference);
    }
  }
  return gap;
}

async function sameContinuations(
  gpu: Gpu,
  model: StudentModel,
  exported: Teacher,
  prompts: number[][],
): Promise<number> {
  const longest = prompts.reduce((most, ids) => Math.max(most, ids.length), 1);
  const length = Math.min(longest + NEW_TOKENS, model.config.maxPositions);
  const generator = createGenerator(gpu, model, { length, batch: 1 });
  let tokens = 0;
  try {
    for (const ids of prompts) {
      const maxNewTokens = Math.min(NEW_TOKENS, length - ids.length);
      const ours = await generator.generate(ids, { maxNewTokens, stopIds: exported.tokenizer.stopIds });
      const theirs = await exported.continue(ids, { maxNewTokens });
      if (ours.join() !== theirs.join()) {
        const shown = (list: number[]): string => JSON.stringify(exported.tokenizer.decode(list));
        throw differs(`it continues a prompt with ${shown(theirs)}, the trained student with ${shown(ours)}`);
      }
      tokens += ours.length;
    }
  } finally {
    generator.destroy();
  }
  return tokens;
}

async function halfCheck(
  folder: ReadonlyMap<string, Uint8Array>,
  device: Device,
  prompts: number[][],
  wanted: Float32Array[],
): Promise<Pick<ExportCheck, "halfGap">> {
  const half = folder.get(HALF_ONNX_FILE);
  if (!half) return {};
  const files = memoryFiles("the exported student, f16", new Map([...folder, ["onnx/model.onnx", half]]));
  const exported = await openTeacher(files, { device, keepWeights: false, checkHead: false });
  try {
    return { halfGap: await largestGap(exported, prompts, wanted) };
  } finally {
    await exported.dispose();
  }
}

const differs = (why: string): RunError =>
  new RunError(
    "export-differs",
    "The exported folder is not the student that was trained.",
    `Loaded back, ${why}.`,
    "Nothing was written. Please report this with the run's config.",
  );

const overflowed = (): RunError =>
  new RunError(
    "not-finite",
    "The student was not exported.",
    "Its logits are not finite: training has driven the weights too far.",
    "Lower the learning rate and train again.",
  );
