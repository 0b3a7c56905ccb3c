// The ops of the student engine.
export { add } from "./add";
export { attention } from "./attention";
export { crossEntropy, type CrossEntropy } from "./cross-entropy";
export { linear } from "./linear";
export { rmsNorm } from "./rms-norm";
export { rope, ropeTable } from "./rope";
export { embedding, gatherRows } from "./rows";
export { swiglu } from "./swiglu";
