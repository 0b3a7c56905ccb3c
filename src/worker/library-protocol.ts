// The language of the library worker: looking models up, bringing them here, and what is here. A request goes to a
// host for three commands alone, look-up, download and nothing else by itself; the page says the bytes before.
import type {
  Choice,
  DownloadProgress,
  Inspection,
  RemoteFile,
  RemoteSource,
  StoredModel,
  StoredStates,
} from "../models";
import type { Failure } from "./protocol";

export type { Choice, DownloadProgress, Inspection, RemoteFile, RemoteSource, StoredModel, StoredStates };

export type LibraryCommand =
  /** Two small requests (a few kB): the list of files, and config.json. */
  | { type: "look-up"; source: RemoteSource }
  /** The files of a choice of the inspection. One download at a time; what was begun before goes on. */
  | { type: "download"; source: RemoteSource; files: readonly RemoteFile[] }
  /** Stop, and keep what came. */
  | { type: "stop" }
  /** Copies a dropped folder into the library; paths as the browser gives them. It is called "local:NAME" then. */
  | { type: "import"; name: string; files: ReadonlyMap<string, Blob> }
  /** What a stored model is good for. */
  | { type: "inspect"; key: string }
  /** What is stored, and how much room there is. */
  | { type: "list" }
  | { type: "delete"; key: string }
  /** What teachers computed in earlier runs, and how much room it takes. */
  | { type: "list-states" }
  /** One set of states, or all; a later run computes them again. */
  | { type: "delete-states"; key?: string };

export type LibraryEvent =
  | { type: "looked-up"; inspection: Inspection }
  | { type: "progress"; key: string; progress: DownloadProgress }
  | { type: "downloaded"; key: string }
  | { type: "stopped"; key: string }
  /** Bytes used and left as the browser estimates them; undefined where it does not say. */
  | { type: "stored"; models: readonly StoredModel[]; usedBytes?: number; freeBytes?: number }
  /** `maxBytes`: beyond it, what was used longest ago goes by itself. */
  | { type: "states"; sets: readonly StoredStates[]; maxBytes: number }
  | { type: "failed"; command: LibraryCommand["type"]; failure: Failure };
