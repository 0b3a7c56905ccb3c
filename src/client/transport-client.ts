// Sinkhorn on the CPU, off the main thread. Only the newest question matters: while one is being
// solved, later ones replace each other, so a dragged slider never queues.
import type { SolveReply, SolveRequest } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";

export type Solve = Omit<SolveRequest, "id">;

export interface TransportClient {
  /** Nothing is called for a question that a newer one replaced before it was asked. */
  solve(problem: Solve, onReply: (reply: SolveReply) => void, onError: (detail: string) => void): void;
  close(): void;
}

interface Question {
  readonly id: number;
  readonly problem: Solve;
  readonly onReply: (reply: SolveReply) => void;
  readonly onError: (detail: string) => void;
}

export function createTransportClient(spawn: () => WorkerLike): TransportClient {
  let worker: WorkerLike | undefined;
  let lastId = 0;
  let asked: Question | undefined;
  let waiting: Question | undefined;

  const ask = (question: Question) => {
    worker ??= start();
    asked = question;
    const { id, problem } = question;
    worker.postMessage({ ...problem, id } satisfies SolveRequest);
  };
  const next = () => {
    asked = undefined;
    const question = waiting;
    waiting = undefined;
    if (question) ask(question);
  };
  const start = (): WorkerLike => {
    const started = spawn();
    started.onmessage = (message) => {
      const reply = message.data as SolveReply; // our own worker: protocol.ts binds both sides
      const answered = asked;
      next();
      if (answered?.id === reply.id) answered.onReply(reply);
    };
    started.onerror = (error) => {
      const failed = asked;
      started.terminate();
      worker = undefined; // the next question starts a fresh one
      next();
      failed?.onError(error.message || "the transport worker could not start");
    };
    return started;
  };

  return {
    solve(problem, onReply, onError) {
      const question = { id: ++lastId, problem, onReply, onError };
      if (asked) waiting = question;
      else ask(question);
    },
    close() {
      worker?.terminate();
      worker = asked = waiting = undefined;
    },
  };
}
