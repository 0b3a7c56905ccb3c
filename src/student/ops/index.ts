// The ops of the student engine.
export { add } from "./residual";

export { rmsNorm } from "./rms-norm";

export { splitHeads } from "./split-heads";
