// Keys from anywhere on the page: single letters and "g 2" sequences, never while something is being typed.
import type { CommandItem } from "./commands";

const SEQUENCE_MS = 1200;

interface Listener {
  readonly commands: () => readonly CommandItem[];
  readonly openPalette: () => void;
}

export function listenToKeys({ commands, openPalette }: Listener): () => void {
  let first = "";
  let firstAt = 0;
  const onKey = (event: KeyboardEvent) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      openPalette();
      event.preventDefault();
      return;
    }
    // In a text field the field's own undo comes first.
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "z" && !isTyping(event.target)) {
      const keys = event.shiftKey ? "Ctrl Shift Z" : "Ctrl Z";
      const command = commands().find((candidate) => candidate.usable && candidate.keys === keys);
      if (!command) return;
      event.preventDefault();
      command.run();
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
    const keys = Date.now() - firstAt < SEQUENCE_MS && first ? `${first} ${event.key}` : event.key;
    first = event.key === "g" ? "g" : "";
    firstAt = Date.now();
    const command = commands().find((candidate) => candidate.usable && candidate.keys === keys);
    if (!command) return;
    event.preventDefault();
    command.run();
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

/** Text fields and open dialogs keep their letters; a slider or a radio button has none. */
function isTyping(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]")) return true;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["range", "radio", "checkbox"].includes(target.type);
  return target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName);
}
