// State of the Data page: the file that was read, what two models make of it, and the rows that are kept.
import { createStore, type StoreApi } from "zustand/vanilla";
import type {
  DataClient,
  DataCommand,
  DataEvent,
  DataFacts,
  DataKind,
  DataPreview,
  Failure,
  KeptRows,
  Mapping,
  Peek,
  PreviewQuestion,
} from "../client";

export interface DataState {
  /** What is read at present, or was. */
  readonly file: { readonly name: string; readonly bytes: number } | undefined;
  readonly peek: Peek | undefined;
  readonly facts: DataFacts | undefined;
  readonly preview:
    | {
        readonly preview: DataPreview;
        readonly of: number;
        readonly train: number;
        readonly heldOut: number;
        readonly question: PreviewQuestion;
      }
    | undefined;
  readonly progress: Omit<Extract<DataEvent, { type: "progress" }>, "type"> | undefined;
  /** Undefined until the list has come. */
  readonly sets: readonly KeptRows[] | undefined;
  readonly problem: { readonly command: DataCommand["type"]; readonly failure: Failure } | undefined;
}

interface ReadChange {
  readonly mapping?: Mapping;
  readonly kind?: DataKind;
  /** Of a file with several lists of rows: the one to read, or "all". */
  readonly part?: string | undefined;
}

export interface DatasetStore {
  readonly store: StoreApi<DataState>;
  /** Ask what is kept; starts the worker. */
  open(): void;
  read(file: Blob, name: string): void;
  /** The same file with another meaning of its columns, as another kind, or another part of it. */
  readAgain(change: ReadChange): void;
  preview(question: Omit<PreviewQuestion, "baseUrl">): void;
  /** Keep the rows; `then` hears the name that a config gives them. */
  keep(then: (key: string, cot: boolean) => void): void;
  reopen(key: string): void;
  remove(key: string): void;
}

const empty: DataState = {
  file: undefined,
  peek: undefined,
  facts: undefined,
  preview: undefined,
  progress: undefined,
  sets: undefined,
  problem: undefined,
};

const COMMIT_MS = 100;

export function createDatasetStore(client: DataClient, baseUrl: string): DatasetStore {
  const store = createStore<DataState>(() => empty);
  let opened = false;
  let file: Blob | undefined;
  let question: PreviewQuestion | undefined;
  let whenKept: ((key: string, cot: boolean) => void) | undefined;
  let committedAt = 0;

  client.subscribe((event) => {
    switch (event.type) {
      case "progress": {
        if (performance.now() - committedAt < COMMIT_MS) return;
        committedAt = performance.now();
        const { type: _, ...progress } = event;
        return store.setState({ progress });
      }
      case "peeked":
        return store.setState({ peek: event.peek });
      case "rows":
        return store.setState({ facts: event.facts, progress: undefined });
      case "preview": {
        const { type: _, ...seen } = event;
        return store.setState({ preview: question && { ...seen, question }, progress: undefined });
      }
      case "kept":
        store.setState({ progress: undefined });
        whenKept?.(event.key, event.cot);
        whenKept = undefined;
        return;
      case "sets":
        return store.setState({ sets: event.sets });
      case "failed": {
        const { command, failure } = event;
        const sets = command === "list" ? [] : store.getState().sets;
        return store.setState({ problem: { command, failure }, progress: undefined, sets });
      }
    }
    event satisfies never;
  });

  const send = (from: Blob, name: string, change: ReadChange) => {
    file = from;
    store.setState({ facts: undefined, preview: undefined, problem: undefined });
    client.send({ type: "read", file: from, name, ...change });
  };

  return {
    store,
    open() {
      if (opened) return;
      opened = true;
      client.send({ type: "list" });
    },
    read(from, name) {
      store.setState({ file: { name, bytes: from.size }, peek: undefined });
      send(from, name, {});
    },
    readAgain(change) {
      const { file: named, peek } = store.getState();
      if (file && named) send(file, named.name, { ...(peek && { kind: peek.kind }), ...change });
    },
    preview(asked) {
      question = { ...asked, baseUrl };
      store.setState({ problem: undefined });
      client.send({ type: "preview", question });
    },
    keep(then) {
      whenKept = then;
      store.setState({ problem: undefined });
      client.send({ type: "keep" });
    },
    reopen(key) {
      file = undefined;
      const name = key.replace(/^own:|@.*$/g, "");
      const bytes = store.getState().sets?.find((set) => set.key === key)?.bytes ?? 0;
      store.setState({ ...{ file: { name, bytes }, peek: undefined, facts: undefined }, preview: undefined });
      client.send({ type: "reopen", key });
    },
    remove: (key) => client.send({ type: "delete", key }),
  };
}
