// Ends what a stranger's file keeps from ending. A split expression or a chat template runs on the main thread, which
// then hears no signal and no timer; so a second thread watches what is announced (models/untrusted.ts), and when the
// time or the memory of it is used up, says so, breaks the main thread's work off and has it exit in order.
import { Worker } from "node:worker_threads";
import type { Budget } from "../models/untrusted";
import { watchUntrusted } from "../models/untrusted";
import { CANNOT_RUN } from "./exit-codes";

const TEXT_BYTES = 1024;
/** Words of the shared state: how often work began and ended (odd: under way), seconds, megabytes, length of its name. */
const [TURN, SECONDS, MEGABYTES, LENGTH] = [0, 1, 2, 3];
const WORDS = 4;

/** From now on until the process ends. The thread is started with the first work that is announced. */
export function startWatchdog(): void {
  const state = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  const text = new Uint8Array(new SharedArrayBuffer(TEXT_BYTES));
  const encoder = new TextEncoder();
  let thread: Worker | undefined;
  watchUntrusted((what, { seconds, megabytes }: Budget) => {
    thread ??= watcher(state, text);
    if (Atomics.load(state, TURN) % 2 === 1) return () => undefined; // within other work that is watched
    const bytes = encoder.encode(what).subarray(0, TEXT_BYTES);
    text.set(bytes);
    Atomics.store(state, SECONDS, seconds);
    Atomics.store(state, MEGABYTES, megabytes);
    Atomics.store(state, LENGTH, bytes.length);
    Atomics.add(state, TURN, 1);
    return () => void Atomics.add(state, TURN, 1);
  });
}

function watcher(state: Int32Array, text: Uint8Array): Worker {
  const thread = new Worker(CODE, { eval: true, workerData: { state, text } });
  thread.on("message", () => process.exit(CANNOT_RUN)); // heard once the work has been broken off
  thread.unref();
  return thread;
}

/** Plain JavaScript: the thread is there before any module is, and needs none of ours. */
const CODE = `
const { parentPort, workerData: { state, text } } = require("node:worker_threads");
const { Session } = require("node:inspector");
const { writeSync } = require("node:fs");
const MB = 2 ** 20;
let turn = 0, since = 0, before = 0;
setInterval(() => {
  const now = Atomics.load(state, ${TURN});
  if (now !== turn) {
    turn = now;
    since = performance.now();
    before = process.memoryUsage.rss();
    return;
  }
  if (now % 2 === 0) return;
  const seconds = Math.round((performance.now() - since) / 1000);
  const megabytes = Math.round((process.memoryUsage.rss() - before) / MB);
  const slow = seconds >= Atomics.load(state, ${SECONDS});
  if (!slow && megabytes < Atomics.load(state, ${MEGABYTES})) return;
  const what = new TextDecoder().decode(text.slice(0, Atomics.load(state, ${LENGTH})));
  const used = slow ? "took more than " + seconds + " s" : "took more than " + megabytes + " MB of memory";
  writeSync(2, "Ended: " + what + ", " + used + ".\\nSuch work is done in milliseconds; the file is broken, or was made to do harm.\\nUse another model, or mend its tokenizer or template.\\n");
  const session = new Session();
  session.connectToMainThread();
  session.post("Runtime.terminateExecution");
  parentPort.postMessage("exit");
}, 50);
`;
