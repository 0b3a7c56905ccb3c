// What is trained and in how much memory: everything of a run that is not its loss or its optimizer.
import * as v from "valibot";
import { count, positive } from "./fields";
import { PLAIN_ROLLOUT, rolloutSchema } from "./rollout";

const lora = v.strictObject({
  kind: v.literal("lora"),
  /** Columns of A and rows of B, transposed: the width that an update passes through. */
  rank: count(1, 256),
  /** The update is scaled by alpha / rank. */
  alpha: positive,
  /** Last parts of the names of the matrices that get an adapter: "q_proj", "c_attn". */
  targets: v.pipe(
    v.array(v.pipe(v.string(), v.nonEmpty("must name a matrix"))),
    v.minLength(1, "must name at least one matrix"),
  ),
});

/** Fields that a config may leave out: a run of an older config means what it meant. */
export const trainingFields = {
  /** How the student writes, where data.outputs is "student" or "mix"; not read otherwise. */
  rollout: v.optional(rolloutSchema, PLAIN_ROLLOUT),
  /** Every weight, or adapters beside frozen ones. */
  training: v.optional(v.variant("kind", [v.strictObject({ kind: v.literal("full") }), lora]), {
    kind: "full",
  }),
  /** Batches of `batchSize` rows whose gradients make one step: a step sees batchSize × accumulation rows. */
  accumulation: v.optional(count(1, 256), 1),
  /** Compute each block once more in the backward pass: the same numbers, slower, in less memory. */
  gradientCheckpointing: v.optional(v.boolean(), false),
  /** A checkpoint every so many steps (0: at the end alone). A lost device costs the steps since the last one. */
  checkpoints: v.optional(v.strictObject({ everySteps: count(0, 1_000_000) }), { everySteps: 50 }),
  /**
   * Where the teacher runs: in ONNX Runtime by WebAssembly, or on the GPU that trains (in browsers; its states then never leave
   * the GPU); or in the engine that trains the student, whose step then holds the teacher's forward pass too.
   */
  teacherDevice: v.optional(v.picklist(["cpu", "gpu", "engine"]), "cpu"),
  /** GPU memory that a run may take, in MiB; 0: as much as its buffers need. */
  memoryBudgetMiB: v.optional(count(0, 1_000_000), 0),
};

/** What a config without these fields means, in full. */
export const PLAIN_TRAINING = {
  rollout: PLAIN_ROLLOUT,
  training: { kind: "full" },
  accumulation: 1,
  gradientCheckpointing: false,
  checkpoints: { everySteps: 50 },
  teacherDevice: "cpu",
  memoryBudgetMiB: 0,
} as const;
