// What is pointed at in one figure, or in several of the same tokens. A hover must cost a redraw of one overlay and nothing
// else, so it is a small store of its own.
import { NOTHING, type Selection } from "./plan";

interface Pointed {
  readonly selection: Selection;
  /** It stays while the pointer moves on. */
  readonly pinned: boolean;
}

export interface Pointer {
  get(): Pointed;
  select(selection: Selection, pinned?: boolean): void;
  subscribe(listener: () => void): () => void;
}

export function createPointer(): Pointer {
  let pointed: Pointed = { selection: NOTHING, pinned: false };
  const listeners = new Set<() => void>();
  return {
    get: () => pointed,
    select(selection, pinned = false) {
      pointed = { selection, pinned };
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
