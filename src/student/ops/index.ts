// The ops of the student engine.
export { add } from "./add";
export { attention } from "./attention";
export { crossEntropy, type CrossEntropy } from "./cross-entropy";
export { gelu, geglu, type GeluKind } from "./gelu";
export { layerNorm } from "./layer-norm";
export { linear } from "./linear";
export { addPositions } from "./positions";
export { rmsNorm } from "./rms-norm";
export { rope, ropeTable } from "./rope";
export { embedding, gatherRows } from "./rows";
export { splitHeads } from "./split-heads";
export { swiglu } from "./swiglu";
