// Sinkhorn off the main thread. Only the newest question matters: while one is being solved, later ones replace each
// other, so a dragged slider never queues.
import type {
  CostProblem,
  CostSolution,
  ScreenSolution,
  ScreenProblem,
  SolverCommand,
  SolverEvent,
} from "../worker/protocol";
import { createWorkerClient, type WorkerClient, type WorkerLike } from "./worker-client";

interface SolverClient<Problem, Solution> {
  /** Nothing is called for a question that a newer one replaced before it was asked. */
  solve(problem: Problem, onReply: (reply: Solution) => void, onError: (detail: string) => void): void;
  close(): void;
}

/** Solves the shown plan of a run again. */
export type TransportClient = SolverClient<CostProblem, CostSolution>;
/** Solves the problems of the Transport screen. */
export interface ScreenSolverClient extends SolverClient<ScreenProblem, ScreenSolution> {
  /** The GPU was opened, or will not be: what the CPU answered meanwhile may be asked again. */
  onReady(listener: () => void): void;
}

type Spawn = () => WorkerLike;

export const createTransportClient = (spawn: Spawn): TransportClient =>
  new NewestFirst<CostProblem, CostSolution>(
    spawn,
    (id, problem) => ({ type: "solve-cost", id, problem }),
    (event) => (event.type === "solved-cost" ? event.solution : undefined),
  );

export const createScreenSolverClient = (spawn: Spawn): ScreenSolverClient =>
  new NewestFirst<ScreenProblem, ScreenSolution>(
    spawn,
    (id, problem) => ({ type: "solve", id, problem }),
    (event) => (event.type === "solved" ? event.solution : undefined),
  );

interface Question<Problem, Solution> {
  readonly id: number;
  readonly problem: Problem;
  readonly onReply: (reply: Solution) => void;
  readonly onError: (detail: string) => void;
}

/** Lives as long as the page: one question is with the worker, at most one waits. */
class NewestFirst<Problem, Solution> implements SolverClient<Problem, Solution> {
  readonly #worker: WorkerClient<SolverCommand, SolverEvent>;
  readonly #command: (id: number, problem: Problem) => SolverCommand;
  readonly #solution: (event: SolverEvent) => Solution | undefined;
  #ready = () => {};
  #lastId = 0;
  #asked: Question<Problem, Solution> | undefined;
  #waiting: Question<Problem, Solution> | undefined;

  constructor(
    spawn: Spawn,
    command: (id: number, problem: Problem) => SolverCommand,
    solution: (event: SolverEvent) => Solution | undefined,
  ) {
    this.#command = command;
    this.#solution = solution;
    this.#worker = createWorkerClient<SolverCommand, SolverEvent>({
      spawn,
      crashed: (detail) => ({ type: "failed", id: this.#asked?.id ?? 0, detail }),
      afterCrash: "next-command",
    });
    this.#worker.subscribe((event) => this.#onEvent(event));
  }

  solve(problem: Problem, onReply: (reply: Solution) => void, onError: (detail: string) => void): void {
    const question = { id: ++this.#lastId, problem, onReply, onError };
    if (this.#asked) this.#waiting = question;
    else this.#ask(question);
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  close(): void {
    this.#worker.close();
    this.#asked = this.#waiting = undefined;
  }

  #ask(question: Question<Problem, Solution>): void {
    this.#asked = question;
    this.#worker.send(this.#command(question.id, question.problem));
  }

  #onEvent(event: SolverEvent): void {
    if (event.type === "ready") return this.#ready();
    const answered = this.#asked;
    if (answered?.id !== event.id) return;
    const next = this.#waiting;
    this.#asked = this.#waiting = undefined;
    if (next) this.#ask(next);
    const solution = this.#solution(event);
    if (solution !== undefined) answered.onReply(solution);
    else if (event.type === "failed") answered.onError(event.detail);
  }
}
