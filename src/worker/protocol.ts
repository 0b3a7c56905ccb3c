// The engine worker's language: commands in, events out. Narrow with `switch (message.type)` and end in
// `message satisfies never`; typed arrays travel by transfer.
import type { RunConfig } from "../config/run";
import type { NoGpuReason } from "../gpu/device";
import type {
  BenchmarkRecord,
  AnswerRecord,
  EvaluationRecord,
  MemoryPlan,
  PaceRecord,
  PlanRecord,
  RunFacts,
  StepProfile,
  StepRecord,
  WrittenRecord,
} from "../telemetry/records";
import type { Failure } from "./failure";

export type * from "./data-protocol";
export type * from "./reader-protocol";
export type * from "./library-protocol";
export type * from "./solver-protocol";

export type Command =
  /** Open the device; `baseUrl` is where the page's models/ and data/ folders live. */
  | { type: "open"; baseUrl: string }
  /** Load models and data for this config and get ready to play. Replaces the current run. */
  | { type: "load"; config: RunConfig }
  /** Until paused, or after step `until`. */
  | { type: "play"; until?: number }
  /** Stop after the present step; while loading, stop the teacher's writing. */
  | { type: "pause" }
  /** One training step while paused. */
  | { type: "step" }
  /** Back to step 0 with the same weights, data order and seed; keeps the loaded models. */
  | { type: "reset" }
  /** Show another held-out row's plan and answers. */
  | { type: "probe"; row: number }
  /** Answer the probe row, then the held-out rows, with the student as it is now. */
  | { type: "evaluate" }
  /** Where the next step's time goes: steps are taken for it, and taken back. */
  | { type: "profile" }
  /** How long steps take, from a few that are taken back. */
  | { type: "pace" }
  /** The trained student as a Hugging Face style folder, zipped. */
  | { type: "export" }
  /** A run as a folder that PyTorch runs on a cluster, zipped; with the first steps of the loaded run where it is that one. */
  | { type: "cluster"; config: RunConfig }
  /** The memory of a run with this config; nothing is loaded for it. */
  | { type: "memory-plan"; config: RunConfig }
  /** Time the adapter at a few small things. */
  | { type: "benchmark" }
  /** The run as it stands, as one file; the answer carries the same `tag`. */
  | { type: "checkpoint"; tag?: string }
  /** Go on from a checkpoint. When the present run is another one, the checkpoint's own is loaded first. */
  | { type: "restore"; checkpoint: Uint8Array };

export type RunStatus = "empty" | "loading" | "ready" | "running" | "paused" | "finished" | "failed";

export interface AdapterFacts {
  readonly name: string;
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export type { Failure, NoGpuReason };

export type Event =
  | { type: "device"; adapter: AdapterFacts }
  | { type: "no-gpu"; reason: NoGpuReason; detail: string }
  /** Work that takes a while; `total` 0 means unknown. */
  | { type: "progress"; stage: string; done: number; total: number }
  | { type: "status"; status: RunStatus; step: number }
  /** `config`: what was loaded, when it was a checkpoint that said so. */
  | { type: "facts"; facts: RunFacts; config?: RunConfig }
  | { type: "steps"; records: StepRecord[] }
  | { type: "plan"; plans: PlanRecord[] }
  | { type: "answers"; answers: AnswerRecord }
  /** What the student writes to the probe's prompt, in a run that learns from what it writes. */
  | { type: "written"; written: WrittenRecord }
  | { type: "evaluation"; evaluation: EvaluationRecord }
  | { type: "exported"; name: string; zip: Uint8Array }
  /** Why a run cannot go to a cluster. */
  | { type: "export-refused"; why: string }
  | { type: "memory-plan"; config: RunConfig; plan: MemoryPlan }
  /** All steps up to this one were reported before it; `config`: of the run that it is of. */
  | {
      type: "checkpoint";
      name: string;
      step: number;
      checkpoint: Uint8Array;
      config?: RunConfig;
      tag?: string;
    }
  /** A checkpoint was taken up: the run stands at `step`. Its status follows. */
  | { type: "restored"; step: number }
  | { type: "profile"; profile: StepProfile }
  | { type: "pace"; pace: PaceRecord }
  | { type: "benchmark"; results: BenchmarkRecord[] }
  | { type: "failure"; failure: Failure }
  | { type: "log"; text: string };

/**
 * Once a second, from the worker's event loop. `lock` is a lock of the browser that it holds for its life: whoever waits
 * for it learns of the worker's end, however it ends; undefined where there are none.
 */
export interface Alive {
  readonly type: "alive";
  readonly lock: string | undefined;
}
