// couplet/spans — which bytes of a text each token stands for, and where two tokenizations of a text meet.
// docs/parts/spans.md is its page.
export { alignChunks, type Chunk } from "../../data/chunks";
export { type Coverage, coverageOf, leastShare, shareOf, type SideCoverage } from "../../data/coverage";
export { ModelError, type ModelErrorCode } from "../../models/errors";
export { matchTexts, type Stretch } from "../../models/tokenizer/text-match";
export { type TokenScheme } from "../../models/tokenizer/token-bytes";
export { type TokenSpans, tokenSpans } from "../../models/tokenizer/token-spans";
export { align, type AlignedSide, type AlignedTexts } from "./align";
export { characterSpans, type CharacterSpans } from "./characters";
export { matchedTokens } from "./matched";
export {
  type ByteTokenizer,
  readTokenizer,
  type ReadOptions,
  type TokenizersTokenizer,
  type TransformersTokenizer,
} from "./read-tokenizer";
