// The student engine: a transformer that trains, in WGSL.
export { createGenerator, type Generator, recordDecoder } from "./generate";
export { networkOf } from "./families";
export { NO_ROW } from "./grid";
export {
  createModel,
  headWeight,
  type ModelOptions,
  recordHead,
  recordModel,
  type StudentModel,
  usablePositions,
} from "./model";
export { studentLogits } from "./logits";
export {
  createRolloutSampler,
  makeCaches,
  recordPrompt,
  recordWriting,
  type RolloutSampler,
  type RolloutShape,
  type Sampled,
} from "./rollout";
export { NotFiniteLogits } from "./sample";
export {
  isAdapter,
  loraA,
  loraB,
  loraModules,
  type LoraSettings,
  mergeLora,
  peftAdapter,
  withLora,
} from "./lora";
export { joinColumns } from "./ops/columns";
export { linear } from "./ops/linear";
export { type ChoiceMemory, measureMatmul } from "./ops/matmul-choice";
export { type CrossEntropy, crossEntropy } from "./ops/cross-entropy";
export { embedding as embedRows, gatherRows } from "./ops/rows";
export { headCrossEntropy, stretches } from "./ops/head-cross-entropy";
export {
  type AdamWStep,
  HYPER_ELEMENTS,
  packHyper,
  recordClearGradients,
  recordClipAndAdamW,
  recordStudentSquares,
} from "./optimizer";
export { elementRanges, layOutParams, layoutBytes, type ParamShape, segmentBytesOf } from "./param-layout";
export {
  createParamStore,
  type NewParameter,
  type ParamState,
  type ParamStore,
  studentParameters,
} from "./params";
export { Tape, type Var } from "./tape";
