// What the page knows of kept runs, as a person reads it.
import type { LetGo } from "./kept-limits";
import type { Damage, KeptRun, LostRun } from "./kept-runs";

/** Who has it open: this tab, another one, or nobody. */
type Whereabouts = "here" | "elsewhere" | "nowhere";

export interface ListedRun extends KeptRun {
  readonly where: Whereabouts;
}

export interface Keeping {
  /** Newest first; undefined until the storage was read. */
  readonly runs: readonly ListedRun[] | undefined;
  /** Folders without one whole generation: what an interrupted first write or a damaged disk leaves. */
  readonly lost: readonly LostRun[];
  /** The live run's own place; none before it is first kept. */
  readonly current: { readonly id: string; readonly keptStep: number } | undefined;
  /** How often the live run is kept: longer for large ones, whose writing takes its time. */
  readonly everyMs: number;
  /** Another tab took the run that was here, which is therefore kept no more. */
  readonly taken: { readonly id: string; readonly step: number } | undefined;
  /** Asked for, and open in another tab. */
  readonly busy: string | undefined;
  /** Asked for, and its newest checkpoint is damaged; `step`: of the one before, when that is whole. */
  readonly damage:
    | { readonly id: string; readonly damaged: readonly Damage[]; readonly step: number | undefined }
    | undefined;
  /** Shown in the place of the recorded run. */
  readonly looking: string | undefined;
  /** Why the kept runs cannot be listed or read. */
  readonly trouble: string | undefined;
  /** What had to go on this visit, as there were too many. */
  readonly letGo: readonly LetGo[];
}

/** At most so much work is lost, and a step. */
export const KEEP_MS = 25_000;

export const NOTHING_KEPT: Keeping = {
  runs: undefined,
  lost: [],
  current: undefined,
  everyMs: KEEP_MS,
  taken: undefined,
  busy: undefined,
  damage: undefined,
  trouble: undefined,
  looking: undefined,
  letGo: [],
};
