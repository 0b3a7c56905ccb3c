// A run survives the tab: it has an id, and its weights and numbers are kept together whenever it stops, every half a
// minute while it goes, and before another one takes its place. The next visit lists it and goes on with it.
import type { EngineEvent } from "../client";
import type { KeptList } from "./kept-list";
import { LiveRun, type Resuming, type SessionParts } from "./live-run";

/** What can be done with one kept run. */
export type KeptActions = Pick<
  KeptList,
  | "rename"
  | "remove"
  | "removeLost"
  | "look"
  | "lookAway"
  | "dismiss"
  | "refresh"
  | "recordOf"
  | "checkpointOf"
>;

export interface Session extends KeptActions {
  /** Look for runs of earlier visits. */
  find(): Promise<void>;
  /**
   * Go on with a kept run, the one that is offered unless said. One that another tab has open is not taken, and one
   * whose newest checkpoint is damaged is not begun: `keeping.busy` and `keeping.damage` then say so.
   */
  resume(id?: string, how?: Resuming): Promise<boolean>;
  /** After the engine was started anew: the live run as it was last kept. False when it was never kept. */
  bringBack(): Promise<boolean>;
  /** The next load is of the run that is here, not of a new one. */
  expectSame(): void;
  /** Before another run takes its place: what is not kept yet, is. */
  leave(): void;
  /** Keep it now, as the page may be going; true when something would be lost. */
  leaving(): boolean;
  /** A run that another tab took goes on here as one of its own. */
  keepAsOwn(): void;
  /** Done once the run stands where it is being brought back to, at once when it is not. */
  afterwards(work: () => void): void;
  /** Hand the next checkpoint to the downloads. */
  saveCheckpoint(): void;
  openCheckpoint(bytes: Uint8Array): void;
  onEvent(event: EngineEvent): void;
}

export function createSession(parts: SessionParts): Session {
  const run = new LiveRun(parts);
  return {
    ...run.list,
    resume: (id, how) => run.resume(id, how),
    bringBack: () => run.bringBack(),
    expectSame: () => run.expectSame(),
    leave: () => run.leave(),
    leaving: () => run.leaving(),
    keepAsOwn: () => run.keepAsOwn(),
    afterwards: (work) => run.afterwards(work),
    saveCheckpoint: () => run.saveCheckpoint(),
    openCheckpoint: (bytes) => run.openCheckpoint(bytes),
    onEvent: (event) => run.onEvent(event),
  };
}
