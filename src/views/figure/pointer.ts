// What is pointed at in one figure, or in several of the same tokens. A hover must cost a redraw of one overlay and not a
// render, so it is a small store of its own.
import { useSyncExternalStore } from "react";
import { createStore } from "zustand/vanilla";
import { NOTHING, type Selection } from "../../figure";
import type { TransportLab } from "../../store";

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
  const store = createStore<Pointed>(() => ({ selection: NOTHING, pinned: false }));
  return {
    get: store.getState,
    select: (selection, pinned = false) => store.setState({ selection, pinned }),
    subscribe: store.subscribe,
  };
}

const ofLabs = new WeakMap<TransportLab, Pointer>();

/** The Transport screen's selection is part of its state. */
export function labPointer(lab: TransportLab): Pointer {
  const known = ofLabs.get(lab);
  if (known) return known;
  const made: Pointer = { get: lab.store.getState, select: lab.select, subscribe: lab.store.subscribe };
  ofLabs.set(lab, made);
  return made;
}

export const useSelection = (pointer: Pointer): Selection =>
  useSyncExternalStore(pointer.subscribe, () => pointer.get().selection);
