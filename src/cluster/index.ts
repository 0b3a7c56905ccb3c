// A run in PyTorch, to take to a cluster: reference/cluster and what it needs of a run.
export { clusterFiles, type FirstSteps } from "./cluster-files";
export { PARITY_STEPS } from "./parity";
