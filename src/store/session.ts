// A run survives a reload: its checkpoint and its numbers are kept whenever it stops and every so many steps,
// and the next visit offers to go on.
import type { StoreApi } from "zustand/vanilla";
import type { EngineClient, EngineEvent } from "../client";
import { parseRunConfig, type RunConfig } from "../config/run";
import type { EvaluationRecord, StepRecord } from "../telemetry";
import type { RunHistory } from "./history";
import { KeepError, type KeptFiles } from "./kept-files";
import type { AppState } from "./state";

const CHECKPOINT = "last-run.safetensors";
const NUMBERS = "last-run.json";

interface Kept {
  readonly version: 1;
  readonly savedAt: number;
  readonly step: number;
  readonly config: RunConfig;
  readonly steps: readonly StepRecord[];
  readonly evaluations: readonly EvaluationRecord[];
}

export interface Session {
  /** Look for a run of an earlier visit. */
  find(): Promise<void>;
  resume(): Promise<void>;
  forget(): Promise<void>;
  /** Hand the next checkpoint to the downloads, too. */
  saveCheckpoint(): void;
  openCheckpoint(bytes: Uint8Array): void;
  hear(event: EngineEvent): void;
}

interface SessionParts {
  readonly store: StoreApi<AppState>;
  readonly engine: EngineClient;
  readonly live: RunHistory;
  readonly files: KeptFiles | undefined;
}

export function createSession({ store, engine, live, files }: SessionParts): Session {
  let wanted = false;
  /** The step of the newest checkpoint that was asked for. */
  let asked = 0;
  let found: Kept | undefined;
  let toRestore: Kept | undefined;

  const report = (error: unknown) =>
    store.setState({
      keepIssue: {
        reason: error instanceof KeepError ? error.reason : "other",
        detail: error instanceof Error ? error.message : String(error),
      },
    });

  async function keep(step: number, checkpoint: Uint8Array): Promise<void> {
    const { config } = store.getState().run;
    if (!files || !config) return;
    const steps = live.records.filter((record) => record.step <= step);
    const kept: Kept = {
      version: 1,
      savedAt: Date.now(),
      step,
      config,
      steps,
      evaluations: live.evaluations,
    };
    try {
      await files.write(CHECKPOINT, checkpoint);
      await files.write(NUMBERS, JSON.stringify(kept));
      store.setState({ keepIssue: undefined, lastSession: undefined });
    } catch (error) {
      report(error);
    }
  }

  /** A stop is kept at once; a long run every so many steps, as it keeps its own checkpoints. */
  function keepWhenDue(event: EngineEvent): void {
    if (!files || (event.type !== "status" && event.type !== "steps")) return;
    const { run } = store.getState();
    const step = event.type === "status" ? event.step : (event.records.at(-1)?.step ?? 0);
    if (event.type === "status" && ["ready", "loading", "empty"].includes(event.status)) asked = event.step;
    const stopped = event.type === "status" && ["paused", "finished"].includes(event.status);
    const every = run.config?.checkpoints.everySteps ?? 0;
    const due = event.type === "steps" && every > 0 && step >= asked + every;
    if (step === 0 || step === asked || !(stopped || due)) return;
    asked = step;
    engine.send({ type: "checkpoint" });
  }

  /** The numbers of a resumed run come back when the engine stands at its step. */
  function bringBack(event: EngineEvent): void {
    if (!toRestore || event.type !== "status" || event.step !== toRestore.step) return;
    live.push(toRestore.steps);
    for (const evaluation of toRestore.evaluations) live.pushEvaluation(evaluation);
    store.setState(({ run }) => ({ run: { ...run, last: live.last, evaluation: live.evaluations.at(-1) } }));
    asked = toRestore.step;
    toRestore = undefined;
  }

  return {
    async find() {
      try {
        const bytes = await files?.read(NUMBERS);
        if (!bytes) return;
        const json = JSON.parse(new TextDecoder().decode(bytes)) as Kept; // our own file; the config is checked
        found = { ...json, config: parseRunConfig(json.config) };
        const { step, savedAt, config } = found;
        const { seed, steps, method } = config;
        store.setState({ lastSession: { step, steps, method: method.id, seed, savedAt } });
      } catch (error) {
        found = undefined;
        report(error);
      }
    },
    async resume() {
      const kept = found;
      if (!kept || !files) return;
      try {
        const checkpoint = await files.read(CHECKPOINT);
        if (!checkpoint) throw new Error("The kept run has lost its checkpoint.");
        toRestore = kept;
        store.setState({ lastSession: undefined, source: "live" });
        engine.send({ type: "restore", checkpoint });
      } catch (error) {
        report(error);
      }
    },
    async forget() {
      store.setState({ lastSession: undefined });
      try {
        await files?.remove(CHECKPOINT);
        await files?.remove(NUMBERS);
      } catch (error) {
        report(error);
      }
    },
    saveCheckpoint() {
      wanted = true;
      engine.send({ type: "checkpoint" });
    },
    openCheckpoint(checkpoint) {
      store.setState({ source: "live", problem: undefined });
      engine.send({ type: "restore", checkpoint });
    },
    hear(event) {
      bringBack(event);
      keepWhenDue(event);
      if (event.type !== "checkpoint") return;
      if (wanted) store.setState({ exported: { name: event.name, zip: event.checkpoint } });
      wanted = false;
      void keep(event.step, event.checkpoint);
    },
  };
}
