// Reads texts with a pair of models on the CPU: tokens with their bytes, and states in one space.
// It knows no worker, so that it runs the same under test in Node.
import { messageOf } from "../base/errors";
import type { Features, TransportView } from "../config/transport-view";
import { type Chunk, type Row, textIds, tokenChunks, tokenPairings, tokenTables } from "../data";
import type { Teacher, Tokenizer } from "../models";
import { tokenSpans } from "../parts/spans";
import { BYTE_FEATURES, byteFeatures } from "./byte-features";
import { fitProjector, randomProjector, type Projector } from "./state-projector";
import type {
  ReaderCommand,
  ReaderEvent,
  ReaderRow,
  TokenStates,
  SideText,
  TokenLine,
} from "./reader-protocol";

export interface ReaderSources {
  tokenizers(): Promise<{ readonly student: Tokenizer; readonly teacher: Tokenizer }>;
  /** Both through their ONNX sessions; the student's is tapped just like the teacher's. */
  models(): Promise<{ readonly student: Teacher; readonly teacher: Teacher }>;
  heldOut(): Promise<readonly Row[]>;
  train(): Promise<readonly Row[]>;
}

/** Rows on which the projector is fitted: some 2,000 pairs for a 128 × 64 map, a second of work. */
const FIT_ROWS = 32;

type StateKind = Exclude<Features, "bytes">;
type Question = Extract<ReaderCommand, { type: "read" }>;

export interface TextReader {
  rows(): Promise<readonly ReaderRow[]>;
  read(question: Question): Promise<void>;
  /** Lets the models go, once what is under way has ended. */
  close(): Promise<void>;
}

export const createTextReader = (sources: ReaderSources, post: (event: ReaderEvent) => void): TextReader =>
  new ModelReader(sources, post);

/** The first call makes it; one that failed may be tried again. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}

/** Lives as long as its worker or until it is closed; models and projectors are loaded when a question needs them. */
class ModelReader implements TextReader {
  readonly #sources: ReaderSources;
  readonly #post: (event: ReaderEvent) => void;
  #newest = 0;
  readonly #projectors = new Map<string, Promise<Projector>>();
  #loaded = false;
  readonly #tokenizers: ReaderSources["tokenizers"];
  readonly #models: ReaderSources["models"];

  constructor(sources: ReaderSources, post: (event: ReaderEvent) => void) {
    this.#sources = sources;
    this.#post = post;
    this.#tokenizers = once(() => sources.tokenizers());
    this.#models = once(() => {
      this.#loaded = true;
      return sources.models();
    });
  }

  #projector(kind: StateKind, which: TransportView["projector"]): Promise<Projector> {
    const key = `${kind} ${which}`;
    let known = this.#projectors.get(key);
    if (!known) {
      known = this.#makeProjector(kind, which);
      known.catch(() => this.#projectors.delete(key));
      this.#projectors.set(key, known);
    }
    return known;
  }

  async #makeProjector(kind: StateKind, which: TransportView["projector"]): Promise<Projector> {
    const { student, teacher } = await this.#models();
    const [ds, dt] = [student.config.hiddenSize, teacher.config.hiddenSize];
    if (which === "random") return randomProjector(ds, dt);
    this.#post({ type: "progress", stage: "fit" });
    const tables = tokenTables(student.tokenizer, teacher.tokenizer);
    const x: number[] = [];
    const y: number[] = [];
    for (const row of (await this.#sources.train()).slice(0, FIT_ROWS)) {
      const text = { prompt: "", response: `${row.promptCot ?? row.prompt}${row.outputCot ?? row.output}` };
      const [s, t] = [
        await statesOf(student, tokenize(student.tokenizer, text), kind),
        await statesOf(teacher, tokenize(teacher.tokenizer, text), kind),
      ];
      for (const [i, j] of alignedPairs(tokenChunks(s.line.ids, t.line.ids, tables))) {
        x.push(...s.states.subarray(i * ds, (i + 1) * ds));
        y.push(...t.states.subarray(j * dt, (j + 1) * dt));
      }
    }
    return fitProjector(Float64Array.from(x), Float64Array.from(y), ds, dt);
  }

  async #statesFor(question: Question): Promise<TokenStates> {
    const { features } = question;
    if (features === "bytes") {
      const { student, teacher } = await this.#tokenizers();
      const of = (tokenizer: Tokenizer, text: SideText) =>
        byteFeatures(tokenize(tokenizer, text).line, new TextEncoder().encode(text.response));
      const [s, t] = [of(student, question.student), of(teacher, question.teacher)];
      return { d: BYTE_FEATURES, student: s, teacher: t, fit: undefined };
    }
    this.#post({ type: "progress", stage: "models" });
    const { student, teacher } = await this.#models();
    const map = await this.#projector(features, question.projector);
    this.#post({ type: "progress", stage: "states" });
    const s = await statesOf(student, tokenize(student.tokenizer, question.student), features);
    const t = await statesOf(teacher, tokenize(teacher.tokenizer, question.teacher), features);
    const rows = FIT_ROWS;
    const fit =
      map.explained === undefined ? undefined : { pairs: map.pairs, rows, explained: map.explained };
    return { d: student.config.hiddenSize, student: s.states, teacher: map.apply(t.states), fit };
  }

  async close(): Promise<void> {
    this.#newest = -1;
    if (!this.#loaded) return;
    const { student, teacher } = await this.#models();
    await student.dispose();
    await teacher.dispose();
  }

  async rows(): Promise<readonly ReaderRow[]> {
    return (await this.#sources.heldOut()).map(readerRow);
  }

  async read(question: Question): Promise<void> {
    this.#newest = question.id;
    const late = () => this.#newest !== question.id;
    try {
      const { student, teacher } = await this.#tokenizers();
      if (late()) return;
      const lines = {
        student: tokenize(student, question.student).line,
        teacher: tokenize(teacher, question.teacher).line,
      };
      const tables = tokenTables(student, teacher);
      const pairings = tokenPairings(lines.student.ids, lines.teacher.ids, tables);
      this.#post({ type: "tokens", id: question.id, ...lines, pairings });
      const states = await this.#statesFor(question);
      if (!late()) this.#post({ type: "states", id: question.id, features: question.features, states });
    } catch (error) {
      const detail = messageOf(error);
      if (!late()) this.#post({ type: "failed", id: question.id, detail });
    }
  }
}

const readerRow = (row: Row): ReaderRow => ({
  id: row.id,
  family: row.family ?? "",
  views: {
    plain: { prompt: row.prompt, response: row.output },
    cot: { prompt: row.promptCot ?? row.prompt, response: row.outputCot ?? row.output },
  },
});

interface Tokenized {
  readonly ids: Int32Array;
  /** Tokens before the response. */
  readonly before: number;
  readonly line: TokenLine;
}

/** Prompt and response are tokenized apart, as training does, behind what the tokenizer puts in front of a text. */
export function tokenize(tokenizer: Tokenizer, { prompt, response }: SideText): Tokenized {
  const before = textIds(tokenizer, prompt);
  const { ids, starts, ends } = tokenSpans(tokenizer, response);
  const texts = ids.map((id) => tokenizer.tokenText(id));
  return {
    ids: Int32Array.from([...before, ...ids]),
    before: before.length,
    line: { texts, ids: [...ids], start: [...starts], end: [...ends] },
  };
}

async function statesOf(
  model: Teacher,
  { ids, before, line }: Tokenized,
  kind: StateKind,
): Promise<{ states: Float32Array; line: TokenLine }> {
  const { maxPositions } = model.config;
  if (ids.length > maxPositions)
    throw new RangeError(
      `The text has ${ids.length} tokens, and the model reads at most ${maxPositions}. Shorten it, or compare bytes.`,
    );
  if (ids.length === 0) throw new RangeError("The text has no tokens.");
  const output = await model.forward(ids, new Uint8Array(ids.length).fill(1), 1, ids.length);
  return { states: output[kind].slice(before * output.D, ids.length * output.D), line };
}

/** The last tokens of each chunk: both have read the same text. */
export const alignedPairs = (chunks: readonly Chunk[]): [student: number, teacher: number][] =>
  chunks.map(({ student, teacher }) => [student[1] - 1, teacher[1] - 1]);
