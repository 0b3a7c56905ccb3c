// The CPU twin: the interface of the GPU solver in plain float64 arrays.
export { costBackward, costOf } from "./cost";
export { planFrom, Sinkhorn, type Dense } from "./sinkhorn";
export { selfProblems, solveBatchOnCpu } from "./solve";
