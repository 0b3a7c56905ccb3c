// What is pointed at (src/figure/pointer.ts), for components.
import { useSyncExternalStore } from "react";
import type { Selection } from "../../figure";
import type { Pointer } from "../../figure/pointer";
import type { TransportScreenStore } from "../../store";

export { createPointer, type Pointer } from "../../figure/pointer";

const ofScreens = new WeakMap<TransportScreenStore, Pointer>();

/** The Transport screen's selection is part of its state. */
export function screenPointer(transportScreen: TransportScreenStore): Pointer {
  const known = ofScreens.get(transportScreen);
  if (known) return known;
  const made: Pointer = {
    get: transportScreen.store.getState,
    select: transportScreen.select,
    subscribe: transportScreen.store.subscribe,
  };
  ofScreens.set(transportScreen, made);
  return made;
}

export const useSelection = (pointer: Pointer): Selection =>
  useSyncExternalStore(pointer.subscribe, () => pointer.get().selection);
