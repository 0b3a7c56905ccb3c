// Data: rows, token sequences, batches and scores.
export {
  addMoments,
  bucketLength,
  bytesAsSpelling,
  deviation,
  type EndPair,
  makeSideBatch,
  type Moments,
  momentsOf,
  type PairBatch,
  type SideBatch,
  type TeacherMoments,
  type TokenProjection,
  type TokenTable,
  type TokenTables,
  type ViewBatch,
} from "./batch";
export { makePairBatch, countReasons, prepareDataset, type PreparedRow } from "./dataset";
export {
  encodeRow,
  type LengthLimits,
  promptIds,
  promptText,
  responseLength,
  type Sequence,
  textIds,
} from "./encode";
export { alignChunks, type Chunk } from "./chunks";
export { firstDifference, textBytes } from "./text-bytes";
export { addCoverage, type Coverage, coverageOf, leastShare, shareOf } from "./coverage";
export { DataError } from "./errors";
export { labelled, type LabelledRows } from "./labels";
export { readConversation } from "./conversation";
export { parseRows, type Row, type View } from "./rows";
export { lengthLines, reportLengths } from "./row-lengths";
export { createSampler, type SamplerState } from "./sampler";
export { exactMatch, extractAnswer, rougeL } from "./score";
export { buildProjectionNow, type ProjectionOptions, storedProjection } from "./token-projection";
export { tokenTable, tokenTables } from "./token-table";
export { endsOf, type MatchedTokens, matchedTokens } from "./matched-tokens";
export { sharedPositions, tokenChunks, type TokenPairings, tokenPairings, warpedPartners } from "./pairings";
export { warpPartners } from "./token-dtw";
export {
  buildVocabularyMap,
  buildVocabularyMapNow,
  inverseMap,
  type MapOptions,
  type MapStore,
  NO_TOKEN,
  parseVocabularyMap,
  storedVocabularyMap,
  type VocabularyMap,
  vocabularyMapJson,
} from "./vocabulary-map";
export {
  augmentWithThought,
  memoryTexts,
  rowLine,
  sequenceLevel,
  type TextCache,
  type Writer,
  type WrittenRows,
} from "./teacher-texts";
export { thoughtPrompt } from "./thought-prompt";
export { type Readers, readWritten, withGroups } from "./written";
export { type ImportedRows, type Peek, type RowProblem } from "./collect";
export { createRowImporter, type FileOptions, importFile, importText } from "./import";
export { checkEnough, splitRows } from "./split";
export { type DataKind, KIND_NAMES, kindOf } from "./kinds";

export { type DataFormat, type Mapping } from "./mapping";
export { type DataPreview, previewRows } from "./preview";
