// Sinkhorn on the CPU, off the main thread. Only the newest question matters: while one is being
// solved, later ones replace each other, so a dragged slider never queues.
import type { LabSolution, LabSolve, SolveReply, SolveRequest } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";

export type Solve = Omit<SolveRequest, "id">;

interface Numbered {
  readonly id: number;
}

export interface SolverClient<Request extends Numbered, Reply extends Numbered> {
  /** Nothing is called for a question that a newer one replaced before it was asked. */
  solve(
    problem: Omit<Request, "id">,
    onReply: (reply: Reply) => void,
    onError: (detail: string) => void,
  ): void;
  close(): void;
}

/** Solves the shown plan of a run again. */
export type TransportClient = SolverClient<SolveRequest, SolveReply>;
/** Solves the problems of the Transport screen. */
export type LabSolverClient = SolverClient<LabSolve, LabSolution>;

interface Question<Request, Reply> {
  readonly id: number;
  readonly problem: Omit<Request, "id">;
  readonly onReply: (reply: Reply) => void;
  readonly onError: (detail: string) => void;
}

export function createSolverClient<Request extends Numbered, Reply extends Numbered>(
  spawn: () => WorkerLike,
): SolverClient<Request, Reply> {
  let worker: WorkerLike | undefined;
  let lastId = 0;
  let asked: Question<Request, Reply> | undefined;
  let waiting: Question<Request, Reply> | undefined;

  const ask = (question: Question<Request, Reply>) => {
    worker ??= start();
    asked = question;
    const { id, problem } = question;
    worker.postMessage({ ...problem, id });
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
      const reply = message.data as Reply; // our own worker: protocol.ts binds both sides
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

export const createTransportClient = (spawn: () => WorkerLike): TransportClient =>
  createSolverClient<SolveRequest, SolveReply>(spawn);
export const createLabSolverClient = (spawn: () => WorkerLike): LabSolverClient =>
  createSolverClient<LabSolve, LabSolution>(spawn);
