// The two models of a run as far as rows and plans need them: configs and tokenizers, no weights. A run that asks no
// teacher for anything has its student on both sides: then no row is lost to a tokenizer that nobody reads with.
import type { RunConfig } from "../config/run";
import {
  loadModelConfig,
  loadTeacherConfig,
  loadTokenizer,
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
  /** Whether the teacher takes part: its states, its head, or its texts. */
  readonly taught: boolean;
}

/** SFT on the rows as they are asks no teacher; with outputs that a teacher writes it does. */
export const needsTeacher = ({ method, data }: Pick<RunConfig, "method" | "data">): boolean =>
  objectiveOf(method).needs(method).length > 0 || data.outputs !== "gold";

export async function openSides(
  run: RunConfig,
  sources: Pick<RunSources, "student" | "teacher">,
): Promise<Sides> {
  const student = {
    config: await loadModelConfig(sources.student),
    tokenizer: asConfigured(run, await loadTokenizer(sources.student)),
  };
  if (!needsTeacher(run)) return { student, teacher: student, taught: false };
  const teacher = {
    config: await loadTeacherConfig(sources.teacher),
    tokenizer: asConfigured(run, await loadTokenizer(sources.teacher)),
  };
  return { student, teacher, taught: true };
}

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
