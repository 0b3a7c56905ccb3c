// Ends what a stranger's file keeps from ending. A split expression or a chat template runs on the main thread, which
// then hears no signal and no timer; so a second thread watches what is announced (models/untrusted.ts), and when the
// time or the memory of it is used up, says so, breaks the main thread's work off and has it exit in order.
import { Worker } from "node:worker_threads";
import type { Budget } from "../models/untrusted";
import { TOTAL_SECONDS, watchUntrusted } from "../models/untrusted";
import { CANNOT_RUN } from "./exit-codes";

const TEXT_BYTES = 1024;
/**
 * Words of the shared state: how often work began and ended (odd: under way), seconds, megabytes, length of its name, what
 * an honest one takes, and milliseconds beyond that of all that is over.
 */
const [TURN, SECONDS, MEGABYTES, LENGTH, HONEST, BEYOND] = [0, 1, 2, 3, 4, 5];
const WORDS = 6;

/** From now on until the process ends. The thread is started with the first work that is announced. */
export function startWatchdog(): void {
  const state = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  const text = new Uint8Array(new SharedArrayBuffer(TEXT_BYTES));
  const encoder = new TextEncoder();
  let thread: Worker | undefined;
  watchUntrusted((what, { seconds, megabytes, honestMs }: Budget) => {
    thread ??= watcher(state, text);
    if (Atomics.load(state, TURN) % 2 === 1) return () => undefined; // within other work that is watched
    const bytes = encoder.encode(what).subarray(0, TEXT_BYTES);
    text.set(bytes);
    Atomics.store(state, SECONDS, seconds);
    Atomics.store(state, MEGABYTES, megabytes);
    Atomics.store(state, LENGTH, bytes.length);
    Atomics.store(state, HONEST, honestMs);
    Atomics.add(state, TURN, 1);
    return () => void Atomics.add(state, TURN, 1); // the thread counts its time: it knows when the process stood still
  });
}

function watcher(state: Int32Array, text: Uint8Array): Worker {
  const thread = new Worker(CODE, { eval: true, workerData: { state, text } });
  // Heard once the work has been broken off. The thread goes first: a process that ends with it says it waits for a debugger.
  thread.on("message", () => void thread.terminate().finally(() => process.exit(CANNOT_RUN)));
  thread.unref();
  return thread;
}

/** Plain JavaScript: the thread is there before any module is, and needs none of ours. */
const CODE = `
const { parentPort, workerData: { state, text } } = require("node:worker_threads");
const { Session } = require("node:inspector");
const { writeSync } = require("node:fs");
const [MB, TICK] = [2 ** 20, 50];
let turn = 0, ticks = 0, before = 0;
// Time is counted in ticks, which stand still while the process does (a sleeping machine, SIGSTOP) and are as late as it is.
setInterval(() => {
  const now = Atomics.load(state, ${TURN});
  if (now !== turn) {
    const beyond = ticks * TICK - Atomics.load(state, ${HONEST});
    if (turn % 2 === 1 && beyond > 0) Atomics.add(state, ${BEYOND}, beyond);
    turn = now;
    ticks = 0;
    before = process.memoryUsage.rss();
    return;
  }
  if (now % 2 === 0) return;
  ticks++;
  const seconds = (ticks * TICK) / 1000;
  const megabytes = Math.round((process.memoryUsage.rss() - before) / MB);
  const slow = seconds >= Atomics.load(state, ${SECONDS});
  const all = Atomics.load(state, ${BEYOND}) / 1000 + seconds - Atomics.load(state, ${HONEST}) / 1000;
  const many = all >= ${TOTAL_SECONDS};
  if (!slow && !many && megabytes < Atomics.load(state, ${MEGABYTES})) return;
  const what = new TextDecoder().decode(text.slice(0, Atomics.load(state, ${LENGTH})));
  const used = slow ? "took more than " + Math.floor(seconds) + " s"
    : many ? "and the texts before it took " + Math.floor(all) + " s longer than they should"
    : "took more than " + megabytes + " MB of memory";
  writeSync(2, "Ended: " + what + ", " + used + ".\\nSuch work is done in milliseconds; the file is broken, or was made to do harm.\\nUse another model, or mend its tokenizer or template.\\n");
  const session = new Session();
  session.connectToMainThread();
  session.post("Runtime.terminateExecution");
  parentPort.postMessage("exit");
}, TICK);
`;
