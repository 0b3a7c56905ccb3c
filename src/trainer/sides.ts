// The two models of a run as far as rows and plans need them: configs and tokenizers, no weights. A run that asks no
// teacher for anything has its student on both sides: then no row is lost to a tokenizer that nobody reads with.
import { teacherLabels } from "../config/labels";
import type { RunConfig } from "../config/run";
import {
  checkStudentFiles,
  checkTeacherFiles,
  loadModelConfig,
  loadTeacherConfig,
  loadTokenizer,
  type ModelFiles,
  type StudentConfig,
  type Teacher,
  type TeacherConfig,
  type Tokenizer,
} from "../models";
import { objectiveOf } from "../objectives";
import type { RunSources } from "./loaded";
import { asConfigured } from "./reading";

export interface Sides {
  readonly student: { readonly config: StudentConfig; readonly tokenizer: Tokenizer };
  readonly teacher: { readonly config: TeacherConfig; readonly tokenizer: Tokenizer };
  /** Of a teacher that our engine is to run. */
  readonly teacherModel?: StudentConfig;
  /** Whether the teacher takes part: its states, its head, or its texts. */
  readonly taught: boolean;
  /** Of the teacher's weights in the form that is run; about that where its files cannot be looked at. */
  readonly teacherBytes: number;
}

/** Whether the teacher writes answers before the first step. */
export const teacherWrites = ({ outputs, labels }: RunConfig["data"]): boolean =>
  outputs === "teacher" || outputs === "chains" || teacherLabels(labels);

/** SFT on the rows as they are asks no teacher; with outputs that a teacher writes it does. */
export const needsTeacher = ({ method, data }: Pick<RunConfig, "method" | "data">): boolean =>
  objectiveOf(method).needs(method).length > 0 || teacherWrites(data);

/** @throws ModelError for what the run would be refused for by its folders, as far as their heads tell. */
export async function openSides(
  run: RunConfig,
  sources: Pick<RunSources, "student" | "teacher" | "teacherDtype">,
): Promise<Sides> {
  const { student: files, teacher: teacherFiles, teacherDtype = "fp32" } = sources;
  const student = {
    config: await loadModelConfig(files),
    tokenizer: asConfigured(run, await loadTokenizer(files)),
  };
  // Files of this site are known, and looking at them takes requests.
  if (!files.asking) await checkStudentFiles(files, student.config);
  if (!needsTeacher(run)) return { student, teacher: student, taught: false, teacherBytes: 0 };
  const teacher = {
    config: await loadTeacherConfig(teacherFiles),
    tokenizer: asConfigured(run, await loadTokenizer(teacherFiles)),
  };
  const found = teacherFiles.asking ? undefined : await checkTeacherFiles(teacherFiles, teacherDtype);
  const known = found && !found.made ? await sizeOf(teacherFiles, found.paths) : undefined;
  const teacherModel = run.teacherDevice === "engine" ? await loadModelConfig(teacherFiles) : undefined;
  const teacherBytes = known ?? aboutBytes(teacher.config);
  return { student, teacher, taught: true, teacherBytes, ...(teacherModel && { teacherModel }) };
}

/** Undefined where the folder does not tell sizes. */
async function sizeOf(files: ModelFiles, paths: readonly string[]): Promise<number | undefined> {
  let bytes = 0;
  for (const path of paths) {
    if (!files.slices) return undefined;
    bytes += (await files.slices(path)).size;
  }
  return bytes;
}

/** In f32, of a plain decoder: attention and feed-forward take about 12·D² a layer. */
const aboutBytes = ({ layers, hiddenSize: D, vocabSize: V }: TeacherConfig): number =>
  4 * (12 * layers * D * D + 2 * V * D);

/** What stands where a teacher would: nothing of it can be run. */
export function untaught({ config, tokenizer }: Sides["teacher"]): Teacher {
  const nobody = async (): Promise<never> => {
    throw new Error("this run has no teacher: its method needs none");
  };
  return {
    ...{ config, tokenizer, head: undefined, tokenEmbedding: undefined },
    ...{ forward: nobody, generate: nobody, continue: nobody, answer: nobody },
    dispose: async () => undefined,
  };
}
