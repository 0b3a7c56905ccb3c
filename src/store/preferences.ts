// What a person chose about the page itself. Storage may be denied: then a choice lasts as long as the page.
import type { Theme } from "./state";

const THEME_KEY = "couplet.theme"; // index.html reads it too, before the first paint

export function loadTheme(): Theme {
  try {
    const stored = localStorage.getItem(THEME_KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

export function saveTheme(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(THEME_KEY);
    else localStorage.setItem(THEME_KEY, theme);
  } catch {
    // Denied (private mode, sandboxed frame): nothing to keep it in.
  }
}

const HIDDEN_KEY = "couplet.hidden-notes";

/** Notes that were read and put away; the ids are the page's own. */
export function loadHiddenNotes(): readonly string[] {
  try {
    return (localStorage.getItem(HIDDEN_KEY) ?? "").split(" ").filter(Boolean);
  } catch {
    return [];
  }
}

export function saveHiddenNotes(ids: readonly string[]): void {
  try {
    localStorage.setItem(HIDDEN_KEY, ids.join(" "));
  } catch {
    // As above.
  }
}

const LOST_GPU = "couplet.lost-gpu";
/** As long as a browser may keep a page away from the GPU. */
const LOST_MS = 300_000;

/** A page that lost its GPU and was reloaded has not simply none. */
export function saveLostGpu(): void {
  try {
    sessionStorage.setItem(LOST_GPU, String(Date.now()));
  } catch {
    // denied: then it is told as no GPU
  }
}

export function loadLostGpu(): boolean {
  try {
    return Date.now() - Number(sessionStorage.getItem(LOST_GPU) ?? 0) < LOST_MS;
  } catch {
    return false;
  }
}
