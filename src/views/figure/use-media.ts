// Whether a media query holds, as it changes.
import { useSyncExternalStore } from "react";

export const NARROW = "(max-width: 760px)";
export const CALM = "(prefers-reduced-motion: reduce)";

export const useMedia = (query: string): boolean =>
  useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    () => matchMedia(query).matches,
  );
