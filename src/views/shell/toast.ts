// A short word about something that was just done, seen by everybody and read out.
import { createStore } from "zustand/vanilla";

const SHOWN_MS = 5000;

interface Said {
  readonly text: string;
}

export const toast = createStore<Said>(() => ({ text: "" }));

let timer: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  clearTimeout(timer);
  toast.setState({ text });
  timer = setTimeout(() => toast.setState({ text: "" }), SHOWN_MS);
}
