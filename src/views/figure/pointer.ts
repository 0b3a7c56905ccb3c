// What is pointed at (src/figure/pointer.ts), for components.
import { useSyncExternalStore } from "react";
import type { Selection } from "../../figure";
import type { Pointer } from "../../figure/pointer";
import type { TransportLab } from "../../store";

export { createPointer, type Pointer } from "../../figure/pointer";

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
