// The page's side of a worker: commands in, events out. All five workers are spoken to through it.
import type { Alive } from "../worker/protocol";
import { watchWorker, type WorkerWatch } from "./worker-watch";

/** As much of a Worker as the clients use, so that tests can stand in for one. */
export interface WorkerLike {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  terminate(): void;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
}

export interface WorkerClient<Command, Event> {
  /** Starts the worker, where there is none yet. */
  start(): void;
  /** Starts the worker where there is none yet. */
  send(command: Command): void;
  subscribe(listener: (event: Event) => void): () => void;
  /** Ends the worker with everything it holds and starts a fresh one. */
  restart(): void;
  /** Ends the worker with everything it holds; the next command starts another. */
  close(): void;
}

interface Options<Command, Event> {
  readonly spawn: () => WorkerLike;
  /** What is told of a worker that stopped by itself. */
  readonly crashed: (why: string) => Event;
  /** What is told of a worker that has not answered for so long, and with 0 when it answers again. */
  readonly silent?: (seconds: number) => Event;
  /** What a fresh worker is sent before anything else. */
  readonly greeting?: () => readonly Command[];
  /** After a crash: whether the next command starts a fresh worker, or only `restart` does. */
  readonly afterCrash: "next-command" | "restart";
}

export const createWorkerClient = <Command, Event>(
  options: Options<Command, Event>,
): WorkerClient<Command, Event> => new Client(options);

/** Lives as long as the page. Its worker lives from the first command to `close`, `restart` or its own crash. */
class Client<Command, Event> implements WorkerClient<Command, Event> {
  readonly #options: Options<Command, Event>;
  readonly #listeners = new Set<(event: Event) => void>();
  #worker: WorkerLike | undefined;
  #watch: WorkerWatch | undefined;

  constructor(options: Options<Command, Event>) {
    this.#options = options;
  }

  start(): void {
    this.#worker ??= this.#spawn();
  }

  send(command: Command): void {
    this.#worker ??= this.#spawn();
    this.#worker.postMessage(command);
  }

  subscribe(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  restart(): void {
    this.close();
    this.start();
  }

  close(): void {
    this.#stopWatching();
    const worker = this.#worker;
    this.#worker = undefined;
    if (!worker) return;
    worker.onmessage = worker.onerror = worker.onmessageerror = null;
    worker.terminate();
  }

  #emit(event: Event): void {
    for (const listener of this.#listeners) listener(event);
  }

  #spawn(): WorkerLike {
    const { spawn, greeting } = this.#options;
    const fresh = spawn();
    fresh.onmessage = ({ data }) => this.#onEvent(fresh, data as Event | Alive); // ours: protocol.ts binds both sides
    fresh.onerror = (error) => this.#crash(error.message || "the worker could not start");
    fresh.onmessageerror = () => this.#crash("a message from the worker was unreadable");
    for (const command of greeting?.() ?? []) fresh.postMessage(command);
    return fresh;
  }

  #onEvent(worker: WorkerLike, message: Event | Alive): void {
    this.#watch?.heard();
    if (!isAlive(message)) return this.#emit(message);
    const { silent } = this.#options;
    this.#watch ??= watchWorker(message.lock, {
      died: () => this.#worker === worker && this.#crash("The worker ended without a word."),
      silent: (seconds) => silent && this.#emit(silent(seconds)),
    });
  }

  #crash(why: string): void {
    if (this.#options.afterCrash === "next-command") this.close();
    else this.#stopWatching();
    this.#emit(this.#options.crashed(why));
  }

  #stopWatching(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }
}

const isAlive = (message: unknown): message is Alive =>
  typeof message === "object" && message !== null && "type" in message && message.type === "alive";
