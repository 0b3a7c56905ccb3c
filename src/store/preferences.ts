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
