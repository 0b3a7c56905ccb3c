// The language of the library worker: looking models up, bringing them here, and what is here. A request goes to a
// host for two commands alone, look-up and download, and never by itself; the page shows the bytes first.
import type {
  Choice,
  DownloadProgress,
  FileFact,
  Inspection,
  RemoteFile,
  RemoteSource,
  Role,
  StoredFile,
  StoredStates,
} from "../models";
import type { Failure } from "./failure";

export type { Choice, FileFact, Inspection, RemoteFile, RemoteSource, Role, StoredStates };

/** A model on this device. */
export interface LibraryModel {
  readonly key: string;
  readonly files: readonly StoredFile[];
  readonly bytes: number;
  /** Everything that was asked for is here. */
  readonly whole: boolean;
  /** What is still to come. */
  readonly missing: readonly RemoteFile[];
  /** Where it came from; undefined for a folder that was dropped. */
  readonly source?: RemoteSource;
  /** SHA-256 of samples of its files, in twelve hex digits; of a download that is whole. */
  readonly mark?: string;
  readonly savedAt?: number;
  /** What it is good for; of a whole one. */
  readonly inspection?: Inspection;
  /** Why nothing can be said about it. */
  readonly broken?: string;
}

/** By role and choice: why it does not fit here, or "". */
export interface FitProblems {
  readonly teacher: readonly string[];
  readonly student: readonly string[];
}

export type LibraryCommand =
  /** Two small requests (a few kB): the list of files, and config.json. */
  | { type: "look-up"; source: RemoteSource }
  /** The files of a choice of the inspection. One download at a time; what was begun before goes on. */
  | { type: "download"; source: RemoteSource; files: readonly RemoteFile[] }
  /** Stop, and keep what came. */
  | { type: "stop" }
  /** Copies a dropped folder into the library; paths as the browser gives them. It is called "local:NAME@MARK" then. */
  | { type: "import"; name: string; files: ReadonlyMap<string, Blob> }
  /** What is stored, what it is good for, and how much room there is. */
  | { type: "list" }
  | { type: "delete"; key: string }
  /** What teachers computed in earlier runs, and how much room it takes. */
  | { type: "list-states" }
  /** One set of states, or all; a later run computes them again. */
  | { type: "delete-states"; key?: string };

export type LibraryEvent =
  | { type: "looked-up"; inspection: Inspection; fitProblems: FitProblems }
  | { type: "progress"; key: string; progress: DownloadProgress }
  | { type: "downloaded"; key: string }
  | { type: "stopped"; key: string }
  /** Bytes used and left as the browser estimates them; undefined where it does not say. */
  | { type: "stored"; models: readonly LibraryModel[]; usedBytes?: number; freeBytes?: number }
  /** `maxBytes`: above it, the least recently used is evicted. */
  | { type: "states"; sets: readonly StoredStates[]; maxBytes: number }
  | { type: "failed"; command: LibraryCommand["type"]; failure: Failure };
