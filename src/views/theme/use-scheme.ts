// Which of the two palettes is on: the person's choice, else the system's.
import { useEffect, useSyncExternalStore } from "react";
import { useApp } from "../use-app";
import { PALETTES, type Palette, type Scheme } from "../../figure";

const DARK = "(prefers-color-scheme: dark)";

const subscribe = (changed: () => void): (() => void) => {
  const query = matchMedia(DARK);
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
};

export function useScheme(): Scheme {
  const theme = useApp((state) => state.theme);
  const system = useSyncExternalStore(subscribe, () => (matchMedia(DARK).matches ? "dark" : "light"));
  return theme === "system" ? system : theme;
}

export const usePalette = (): Palette => PALETTES[useScheme()];

/** Puts the choice on the document, where the style sheets look for it. */
export function useThemeAttribute(): void {
  const theme = useApp((state) => state.theme);
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }, [theme]);
}
