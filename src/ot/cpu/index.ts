// The CPU twin: the interface of the GPU solver in plain float64 arrays.
export { costBackward, costOf } from "./cost";
export { planFrom } from "./sinkhorn";
export { solutionsOnCpu, solveBatchOnCpu } from "./solve";
