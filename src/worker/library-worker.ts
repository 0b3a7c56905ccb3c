// The library in its worker: the only place that asks model hosts for anything, and only when told to.
import { createStateSets, opfsStore, TEACHER_STATES } from "../models";
import { createLibrary } from "./library";
import type { LibraryCommand, LibraryEvent } from "./library-protocol";

const library = createLibrary((event: LibraryEvent) => self.postMessage(event), {
  store: opfsStore(),
  states: createStateSets(opfsStore(TEACHER_STATES)),
  estimate: () => navigator.storage.estimate(),
});

self.addEventListener("message", ({ data }: MessageEvent<LibraryCommand>) => void library.handle(data));
