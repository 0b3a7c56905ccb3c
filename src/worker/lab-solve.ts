// One transport problem of the Transport screen: cost, plan, gradient and the whole iteration, on the CPU.
import { costOf, solveBatchOnCpu } from "../ot/cpu";
import type { LabSolution, LabSolve } from "./lab-protocol";

export function labSolve(question: LabSolve): LabSolution {
  const started = performance.now();
  const { id, n, m, states, scheme, epsilon, relative, maxIterations, tolerance } = question;
  const cost = costOf({ n, m, d: states.d, x: states.student, y: states.teacher, kind: question.cost });
  const options = {
    ...{ scheme, epsilon, relative, maxIterations, tolerance },
    gradient: question.gradient,
    history: true,
  };
  const [solved] = solveBatchOnCpu([{ n, m, cost }], options);
  if (!solved?.history) throw new Error("The solver gave no answer for one problem.");
  const { history } = solved;
  return {
    id,
    cost: Float32Array.from(cost),
    plan: Float32Array.from(solved.plan),
    gradient: solved.dcost && Float32Array.from(solved.dcost),
    f: Float32Array.from(history.f),
    g: Float32Array.from(history.g),
    errors: Float32Array.from(history.error),
    epsilon: solved.epsilon,
    transportCost: solved.cost,
    entropy: solved.entropy,
    iterations: solved.iterations,
    marginalError: solved.marginalError,
    converged: solved.converged,
    ms: performance.now() - started,
  };
}
