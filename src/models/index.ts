// Models: reading, running and writing them. node-files.ts is Node's own and imported by path.
export {
  type Gemma3Config,
  type Gpt2Config,
  type GptNeoxConfig,
  type LlamaConfig,
  loadModelConfig,
  modelConfigJson,
  parseModelConfig,
  type RopeScaling,
  type StudentConfig,
} from "./config";
export type { ChatPair, ChatTemplate, ChatTools, ChatTurn, ToolCall } from "./chat-template";
export { ModelError, type ModelErrorCode } from "./errors";
export {
  exportStudentFolder,
  type ExportOptions,
  HALF_ONNX_FILE,
  studentFolderFiles,
  withOnnxGraph,
} from "./export-student";
export { writeStudentOnnx } from "./onnx-export";
export { hubId, publicName, type RunManifest } from "./model-card";
export { ropeFrequencies, type RopeSettings } from "./rope-frequencies";
export type { GenerateOptions } from "./generate";
export { absentFiles, memoryFiles, type ModelFiles, type ReadProgress, urlFiles } from "./files";
export type { Device } from "./hub";
export {
  gatherSafetensors,
  type NamedTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from "./safetensors";
export {
  checkStudentFiles,
  expectedTensors,
  loadStudentWeights,
  type StudentWeights,
} from "./student-weights";
export {
  openReferenceSession,
  type ForwardOptions,
  openTeacher,
  type OpenOptions,
  type ReferenceSession,
  type Teacher,
  type TeacherAnswer,
  type TeacherBatchOutput,
  type TeacherOptions,
} from "./teacher";
export { loadTeacherConfig, type TeacherConfig } from "./teacher-config";
export { checkTeacherFiles } from "./teacher-files";
export { ONNX_FILES, type OnnxDtype, parseModelChoice } from "./session";
export { loadTokenizer, type SpecialTokens, type Tokenizer, withoutSpecialTokens } from "./tokenizer";
export type { TokenScheme } from "./token-bytes";
export { matchTexts, type Stretch } from "./text-match";
export { type TokenSpans, tokenSpans } from "./token-spans";
export {
  download,
  type DownloadProgress,
  keyOf,
  listRemote,
  type RemoteFile,
  type RemoteSource,
  type RequestOptions,
} from "./hub-client";
export {
  type Choice,
  type FileFact,
  fits,
  inspectLocal,
  inspectRemote,
  type Inspection,
  type Role,
  type Room,
} from "./inspect";
export {
  droppedFiles,
  memoryStore,
  type ModelStore,
  type StoredFile,
  storedFiles,
  type StoredModel,
} from "./model-store";
export { opfsStore, TEACHER_STATES } from "./opfs-store";
export { digestOf, pieceDigest } from "./digest";
export {
  createStateSets,
  STATE_LIMITS,
  type StateLimits,
  type StateRecord,
  type StateSet,
  type StateSets,
  type StoredStates,
} from "./teacher-states";
export {
  addWanted,
  checkTaps,
  folderMark,
  missingFiles,
  modelFiles,
  type ModelRecord,
  readRecord,
  shortDigest,
  writeRecord,
} from "./model-record";
