// Sinkhorn off the main thread. Only the newest question matters: while one is being
// solved, later ones replace each other, so a dragged slider never queues.
import type { LabReady, LabSolution, LabSolve, Refusal, SolveReply, SolveRequest } from "../worker/protocol";
import type { WorkerLike } from "./engine-client";

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
export interface LabSolverClient extends SolverClient<LabSolve, LabSolution> {
  /** The GPU was opened, or will not be: what the CPU answered meanwhile may be asked again. */
  onReady(listener: () => void): void;
}

interface Question<Request, Reply> {
  readonly id: number;
  readonly problem: Omit<Request, "id">;
  readonly onReply: (reply: Reply) => void;
  readonly onError: (detail: string) => void;
}

function createSolverClient<Request extends Numbered, Reply extends Numbered>(
  spawn: () => WorkerLike,
  onReady: () => void = () => {},
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
      const news = message.data as Reply | Refusal | LabReady; // our own worker: protocol.ts binds both sides
      if ("type" in news && news.type === "ready") return onReady();
      const reply = news as Reply | Refusal; // all that is left
      const answered = asked;
      next();
      if (answered?.id !== reply.id) return;
      if ("refused" in reply) answered.onError(reply.refused);
      else answered.onReply(reply);
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

export function createLabSolverClient(spawn: () => WorkerLike): LabSolverClient {
  let ready = () => {};
  return {
    ...createSolverClient<LabSolve, LabSolution>(spawn, () => ready()),
    onReady: (listener) => (ready = listener),
  };
}
