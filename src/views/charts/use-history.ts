// The history of the run that is shown, and its list of terms as React state.
import { useSyncExternalStore } from "react";
import type { RunHistory } from "../../store";
import { useApp, useAppParts } from "../use-app";

export function useHistory(): RunHistory {
  const { live, recorded } = useAppParts();
  return useApp((state) => state.source) === "live" ? live : recorded;
}

/** Changes only when a run with other terms begins. */
export function useTerms(history: RunHistory): readonly string[] {
  return useSyncExternalStore(
    (changed) => history.subscribe(changed),
    () => history.terms,
  );
}

export function useIsEmpty(history: RunHistory): boolean {
  return useSyncExternalStore(
    (changed) => history.subscribe(changed),
    () => history.length === 0,
  );
}
