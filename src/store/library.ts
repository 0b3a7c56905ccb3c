// State of the Models page: what is on this device, what was looked up, and the one transfer that may be under way.
import { createStore, type StoreApi } from "zustand/vanilla";
import {
  type Failure,
  type Inspection,
  keepModels,
  type LibraryClient,
  type LibraryCommand,
  type LibraryEvent,
  type LibraryModel,
  type FitProblems,
  modelsKept,
  type RemoteFile,
  type RemoteSource,
  type StoredStates,
} from "../client";
import { BUNDLED_STUDENTS, BUNDLED_TEACHERS } from "../config/bundled";
import { parseHubName } from "../config/hub-name";

interface Transfer {
  /** Undefined until its first bytes: an import is named by what is in it. */
  readonly key: string | undefined;
  readonly path: string;
  readonly loaded: number;
  readonly total: number;
  /** Over the last seconds. */
  readonly bytesPerSecond: number | undefined;
  readonly stopping: boolean;
}

export interface LookedUp {
  readonly inspection: Inspection;
  readonly fitProblems: FitProblems;
}

export interface LibraryState {
  /** Undefined until the list has come. */
  readonly models: readonly LibraryModel[] | undefined;
  /** What teachers computed in earlier runs, and above how many bytes the oldest is evicted. */
  readonly states: { readonly sets: readonly StoredStates[]; readonly maxBytes: number } | undefined;
  readonly usedBytes: number | undefined;
  readonly freeBytes: number | undefined;
  /** Whether the browser promised to keep the files; undefined where it does not say. */
  readonly kept: boolean | undefined;
  readonly lookingUp: boolean;
  readonly found: LookedUp | undefined;
  readonly transfer: Transfer | undefined;
  readonly problem: { readonly command: LibraryCommand["type"]; readonly failure: Failure } | undefined;
  /** What the last transfer came to. */
  readonly done: { readonly key: string; readonly how: "downloaded" | "stopped" } | undefined;
}

export interface ModelLibrary {
  readonly store: StoreApi<LibraryState>;
  /** Start the worker and ask what is here; nothing leaves this device for it. */
  open(): void;
  lookUp(source: RemoteSource): void;
  forgetFound(): void;
  download(source: RemoteSource, files: readonly RemoteFile[]): void;
  stop(): void;
  importFiles(name: string, files: ReadonlyMap<string, Blob>): void;
  remove(key: string): void;
  /** Delete what teachers computed, of one set or of all. */
  removeStates(key?: string): void;
  /** Ask the browser to keep the files when room gets scarce. */
  keep(): Promise<void>;
  dismissProblem(): void;
}

const initialLibrary: LibraryState = {
  models: undefined,
  states: undefined,
  usedBytes: undefined,
  freeBytes: undefined,
  kept: undefined,
  lookingUp: false,
  found: undefined,
  transfer: undefined,
  problem: undefined,
  done: undefined,
};

const COMMIT_MS = 100;
const PACE_MS = 4000;

export function createModelLibrary(client: LibraryClient): ModelLibrary {
  const store = createStore<LibraryState>(() => initialLibrary);
  const pace = createPace();
  let opened = false;
  let committedAt = 0;

  client.subscribe((event: LibraryEvent) => {
    if (event.type === "progress") {
      const { loaded, total, path } = event.progress;
      const bytesPerSecond = pace.at(loaded, performance.now());
      if (performance.now() - committedAt < COMMIT_MS && loaded < total) return;
      committedAt = performance.now();
      return store.setState(({ transfer }) => ({
        transfer: {
          ...{ key: event.key, path, loaded, total, bytesPerSecond },
          stopping: transfer?.stopping ?? false,
        },
      }));
    }
    store.setState((state) => reduceLibrary(state, event));
  });

  const begin = (files: readonly { readonly bytes?: number }[]) => {
    pace.begin();
    const total = files.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
    const transfer = {
      key: undefined,
      path: "",
      loaded: 0,
      total,
      bytesPerSecond: undefined,
      stopping: false,
    };
    store.setState({ transfer, problem: undefined, done: undefined });
  };

  return {
    store,
    open() {
      if (opened) return;
      opened = true;
      client.send({ type: "list" });
      client.send({ type: "list-states" });
      void modelsKept().then((kept) => store.setState({ kept }));
    },
    lookUp(source) {
      store.setState({ lookingUp: true, found: undefined, problem: undefined });
      client.send({ type: "look-up", source });
    },
    forgetFound: () => store.setState({ found: undefined, problem: undefined }),
    download(source, files) {
      begin(files);
      client.send({ type: "download", source, files });
    },
    stop() {
      store.setState(({ transfer }) => ({ transfer: transfer && { ...transfer, stopping: true } }));
      client.send({ type: "stop" });
    },
    importFiles(name, files) {
      begin([...files.values()].map(({ size }) => ({ bytes: size })));
      client.send({ type: "import", name: safeName(name), files });
    },
    removeStates: (key) => client.send({ type: "delete-states", ...(key !== undefined && { key }) }),
    remove: (key) => client.send({ type: "delete", key }),
    async keep() {
      const kept = await keepModels().catch(() => false);
      store.setState({ kept });
    },
    dismissProblem: () => store.setState({ problem: undefined }),
  };
}

function reduceLibrary(
  state: LibraryState,
  event: Exclude<LibraryEvent, { type: "progress" }>,
): LibraryState {
  switch (event.type) {
    case "looked-up": {
      const { inspection, fitProblems } = event;
      return { ...state, lookingUp: false, found: { inspection, fitProblems } };
    }
    case "downloaded":
    case "stopped": {
      const found = event.type === "downloaded" ? undefined : state.found;
      return { ...state, transfer: undefined, found, done: { key: event.key, how: event.type } };
    }
    case "stored": {
      const { models, usedBytes, freeBytes } = event;
      return { ...state, models, usedBytes, freeBytes };
    }
    case "states":
      return { ...state, states: { sets: event.sets, maxBytes: event.maxBytes } };
    case "failed": {
      const { command, failure } = event;
      const transfer = command === "download" || command === "import" ? undefined : state.transfer;
      const models = command === "list" ? [] : state.models;
      return { ...state, transfer, models, lookingUp: false, problem: { command, failure } };
    }
  }
}

/** Bytes a second over the last few seconds: what a person waits for. */
function createPace() {
  let seen: { at: number; loaded: number }[] = [];
  return {
    begin() {
      seen = [];
    },
    at(loaded: number, now: number): number | undefined {
      seen = [...seen.filter(({ at }) => now - at < PACE_MS), { at: now, loaded }];
      const [first] = seen;
      if (!first || now - first.at < 250) return undefined;
      return ((loaded - first.loaded) * 1000) / (now - first.at);
    },
  };
}

/** A name that is easy to read in a link. */
export const safeName = (name: string): string =>
  name
    .replaceAll(/[^\w.-]+/g, "-")
    .replaceAll(/^[-.]+|-+$/g, "")
    .slice(0, 60) || "model";

export type ModelRole = "teacher" | "student";

const BUNDLED: Readonly<Record<ModelRole, readonly string[]>> = {
  teacher: [...BUNDLED_TEACHERS, ...BUNDLED_STUDENTS],
  student: [...BUNDLED_STUDENTS, ...BUNDLED_TEACHERS],
};

/** What a config may name in a role: bundled models, then what is on this device whole and can play it. */
export function modelNames(models: readonly LibraryModel[] | undefined, role: ModelRole): string[] {
  const own = (models ?? []).flatMap(({ key, inspection }) => {
    const part = inspection?.[role];
    if (!part?.can) return [];
    return role === "student" ? [key] : part.choices.map(({ dtype }) => choiceName(key, dtype));
  });
  return [...BUNDLED[role], ...own];
}

/** "key#q4"; fp32 needs no mark. */
export const choiceName = (key: string, dtype: string | undefined): string =>
  dtype === undefined || dtype === "fp32" ? key : `${key}#${dtype}`;

const isOwnModel = (name: string): boolean => /^(hub|local|https?):/.test(name);

/** The models that a config names and that are not on this device; empty until the list has come. */
export function absentModels(
  { teacher, student }: { readonly teacher: string; readonly student: string },
  models: readonly LibraryModel[] | undefined,
): string[] {
  if (!models) return [];
  const plain = (name: string) => name.replace(/#\w+$/, "");
  const here = (name: string) => models.some(({ key, whole }) => whole && key === name);
  return [...new Set([plain(teacher), student])].filter((name) => isOwnModel(name) && !here(name));
}

/** What a person typed as a source; a text is what is wrong with it. */
export type SourceText =
  | { readonly kind: "hub"; readonly id: string; readonly revision: string; readonly host: string }
  | { readonly kind: "address"; readonly url: string };

export const HUB_HOST = "https://huggingface.co";

/** Undefined for what no host could answer. */
export function sourceOf(text: SourceText): RemoteSource | undefined {
  if (text.kind === "address") {
    const url = text.url.trim();
    return hostOf(url) === undefined ? undefined : { kind: "address", url };
  }
  const name = parseHubName(text.id);
  const revision = name?.revision ?? text.revision.trim();
  const host = text.host.trim().replace(/\/+$/, "");
  if (!name || hostOf(host) === undefined) return undefined;
  return {
    kind: "hub",
    id: name.id,
    ...(revision !== "" && { revision }),
    ...(host !== HUB_HOST && { host }),
  };
}

/** "huggingface.co": where a request for this source goes. */
export const hostOfSource = (source: RemoteSource): string =>
  hostOf(source.kind === "address" ? source.url : (source.host ?? HUB_HOST)) ?? "";

function hostOf(url: string): string | undefined {
  try {
    const { protocol, host } = new URL(url);
    return /^https?:$/.test(protocol) ? host : undefined;
  } catch {
    return undefined;
  }
}
