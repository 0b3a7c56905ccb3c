// Models: reading, running and writing them. node-files.ts is Node's own and imported by path.
export {
  familyOf,
  type FamilyId,
  loadModelConfig,
  modelConfigJson,
  parseModelConfig,
  type StudentConfig,
} from "./families/config";
export type { RopeScaling } from "./families/config-rope";
export type { Gemma3Config } from "./families/gemma3";
export { geluForm, type Gpt2Config } from "./families/gpt2";
export type { GptNeoxConfig } from "./families/gpt-neox";
export type { LlamaConfig } from "./families/llama";
export type { ChatPair, ChatTemplate, ChatTools, ChatTurn, ToolCall } from "./tokenizer/chat-template";
export { ModelError, type ModelErrorCode } from "./errors";
export {
  exportStudentFolder,
  type ExportOptions,
  HALF_ONNX_FILE,
  studentFolderFiles,
  withOnnxGraph,
} from "./student/export-student";
export { writeStudentOnnx } from "./onnx/export";
export { hubId, publicName, type RunManifest } from "./student/model-card";
export { ropeFrequencies, type RopeSettings } from "./families/rope-frequencies";
export type { GenerateOptions } from "./teacher/generate";
export { absentFiles, memoryFiles, type ModelFiles, type ReadProgress, urlFiles } from "./files/files";
export type { Device } from "./hub";
export {
  gatherSafetensors,
  type NamedTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from "./files/safetensors";
export {
  checkStudentFiles,
  expectedTensors,
  loadStudentWeights,
  type StudentWeights,
} from "./student/student-weights";
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
} from "./teacher/teacher";
export { loadTeacherConfig, type TeacherConfig } from "./teacher/teacher-config";
export { checkTeacherFiles } from "./teacher/teacher-files";
export { ONNX_FILES, type OnnxDtype, parseModelChoice } from "./teacher/session";
export {
  checkTokenizer,
  loadTokenizer,
  type SpecialTokens,
  type Tokenizer,
  withoutSpecialTokens,
} from "./tokenizer/tokenizer";
export { characterLength, type TokenScheme } from "./tokenizer/token-bytes";
export { matchTexts, type Stretch } from "./tokenizer/text-match";
export { type TokenSpans, tokenSpans } from "./tokenizer/token-spans";
export {
  download,
  type DownloadProgress,
  keyOf,
  listRemote,
  type RemoteFile,
  type RemoteSource,
  type RequestOptions,
} from "./library/hub-client";
export {
  type Choice,
  type FileFact,
  fits,
  inspectLocal,
  inspectRemote,
  type Inspection,
  type Role,
  type Room,
} from "./library/inspect";
export {
  droppedFiles,
  memoryStore,
  type ModelStore,
  type StoredFile,
  storedFiles,
  type StoredModel,
} from "./library/model-store";
export { opfsStore, TEACHER_STATES } from "./library/opfs-store";
export {
  createStateSets,
  STATE_LIMITS,
  type StateLimits,
  type StateRecord,
  type StateSet,
  type StateSets,
  type StoredStates,
} from "./teacher/teacher-states";
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
} from "./library/model-record";
