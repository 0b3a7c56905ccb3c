// The library in its worker: the only place that asks model hosts for anything, and only when told to.
import { createStateSets, opfsStore, TEACHER_STATES } from "../models";
import { createLibrary } from "./library";
import type { LibraryCommand, LibraryEvent } from "./library-protocol";

/** What a wasm heap can address; where the browser says how much memory there is, half of that. */
function memoryBytes(): number {
  const gib: unknown = Reflect.get(navigator, "deviceMemory"); // Chromium alone has it
  return Math.min(4e9, typeof gib === "number" ? (gib * 2 ** 30) / 2 : Infinity);
}

const library = createLibrary((event: LibraryEvent) => self.postMessage(event), {
  store: opfsStore(),
  states: createStateSets(opfsStore(TEACHER_STATES)),
  estimate: () => navigator.storage.estimate(),
  memoryBytes: memoryBytes(),
});

self.addEventListener("message", ({ data }: MessageEvent<LibraryCommand>) => void library.handle(data));
