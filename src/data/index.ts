// Data: rows, token sequences, batches and scores.
export {
  addMoments,
  bucketLength,
  bytesAsSpelling,
  deviation,
  makeSideBatch,
  type Moments,
  momentsOf,
  type PairBatch,
  type SideBatch,
  type TeacherMoments,
  tokenKey,
  type TokenTable,
  type TokenTables,
  type ViewBatch,
} from "./batch";
export {
  type DatasetLimits,
  type DroppedRow,
  makePairBatch,
  countReasons,
  prepareDataset,
  type PreparedDataset,
  type PreparedRow,
} from "./dataset";
export {
  encodeRow,
  type LengthLimits,
  PAPER_LIMITS,
  promptIds,
  promptText,
  responseLength,
  type Sequence,
  textIds,
  TooLong,
  type WholeLengths,
} from "./encode";
export { alignChunks, type Chunk, firstDifference, textBytes } from "./chunks";
export {
  addCoverage,
  chunkCoverage,
  type Coverage,
  coverageOf,
  leastShare,
  shareOf,
  type SideCoverage,
} from "./coverage";
export { DataError } from "./errors";
export {
  type BesideMessages,
  type Conversation,
  messagesOf,
  readConversation,
  splitReply,
  writtenOut,
} from "./conversation";
export { parseRows, type Row, type View } from "./rows";
export { lengthLines, type LengthReport, type Positions, reportLengths } from "./row-lengths";
export { createSampler, type Sampler, type SamplerState } from "./sampler";
export { exactMatch, extractAnswer, rougeL } from "./score";
export { tokenTable, tokenTables } from "./token-table";
export { sharedPositions, tokenChunks, type TokenPairings, tokenPairings, warpedPartners } from "./pairings";
export { warpPartners } from "./token-dtw";
export {
  buildVocabularyMap,
  buildVocabularyMapNow,
  inverseMap,
  type MapOptions,
  type MapStore,
  NO_TOKEN,
  pairHash,
  parseVocabularyMap,
  storedVocabularyMap,
  type VocabularyMap,
  vocabularyMapJson,
} from "./vocabulary-map";
export {
  type Asked,
  augmentWithThought,
  memoryTexts,
  rowLine,
  sequenceLevel,
  type TextCache,
  type Writer,
  type Writing,
  type WritingOptions,
  type WrittenRows,
} from "./teacher-texts";
export { thoughtPrompt } from "./thought-prompt";
export { type ImportedRows, type ImportOptions, type Peek, type RowProblem } from "./collect";
export { createRowImporter, type FileOptions, importFile, importText, type RowImporter } from "./import";
export { checkEnough, splitRows } from "./split";
export { type DataKind, KIND_NAMES, kindOf } from "./kinds";
export type { DataRecord, FilePart } from "./record";
export type { ChatTurn } from "../models";
export { type DataFormat, guessMapping, type Mapping, toRow } from "./mapping";
export { type DataPreview, type Lengths, previewRows, type PreviewRow } from "./preview";
