// The parameters of a run: the student's weights as the config trains them, and the objective's own.
import type { RunConfig } from "../config/run";
import { deriveSeed } from "../config/rng";
import type { TokenTables } from "../data";
import type { StudentConfig, StudentWeights, Teacher } from "../models";
import { type Dims, type Objective, preservingLogits } from "../objectives";
import { type LoraSettings, networkOf, type NewParameter, studentParameters, withLora } from "../student";
import { RunError } from "./failure";

export interface RunParameters {
  readonly all: readonly NewParameter[];
  readonly lora: LoraSettings | undefined;
}

/**
 * @param tensors the student's, with their values or without.
 * @throws RunError when its adapters do not fit the student.
 */
export function runParameters(
  run: RunConfig,
  objective: Objective,
  dims: Dims,
  student: StudentConfig,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data?: Float32Array }>,
): RunParameters {
  const projectors = objective.parameters(run.method, dims, deriveSeed(run.seed, "projectors"));
  const plain = studentParameters(tensors);
  if (run.training.kind === "full") return { all: [...plain, ...projectors], lora: undefined };
  try {
    const adapted = withLora(plain, run.training, deriveSeed(run.seed, "lora"), networkOf(student).layout);
    return { all: [...adapted, ...projectors], lora: run.training };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RunError(
      "adapters",
      "The adapters do not fit this student.",
      `${error.message}.`,
      "Change training.targets or training.rank.",
    );
  }
}

/** The parameters with their projectors where both heads put them. @throws RunError when a head cannot be read. */
export function startAtHeads(
  parameters: RunParameters,
  { config, tensors }: Pick<StudentWeights, "config" | "tensors">,
  { head }: Pick<Teacher, "head">,
  tokens: TokenTables,
): RunParameters {
  const student = tensors.get(networkOf(config).head);
  if (student && head)
    return { ...parameters, all: preservingLogits(parameters.all, { student, teacher: head, tokens }) };
  throw new RunError(
    "teacher-weights",
    "The projectors cannot begin at the pseudo-inverse of the heads.",
    `The ${head ? "student" : "teacher"}'s head cannot be read.`,
    'Set projectorInit to "random", or take models whose heads are stored in plain numbers.',
  );
}
