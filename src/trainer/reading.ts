// How a run's rows are read: both sides tokenized, cut to what config and models allow, with all that a person should know
// before the first step: what is around each text, what is cut, what drops out.
import { isOnPolicy, type Rollout, type RunConfig } from "../config/run";
import {
  countReasons,
  DataError,
  lengthLines,
  type LengthLimits,
  type PreparedRow,
  prepareDataset,
  reportLengths,
  type Row,
  type View,
} from "../data";
import { type Teacher, type Tokenizer, withoutSpecialTokens } from "../models";
import { objectiveOf } from "../objectives";

/** One model as a reader of rows. */
export interface Reader {
  readonly tokenizer: Tokenizer;
  readonly maxPositions: number;
}

export interface ReadRows {
  readonly train: readonly PreparedRow[];
  readonly heldOut: readonly PreparedRow[];
  /** Rows that dropped out, each with its reason. */
  readonly dropped: readonly string[];
  /** In words: labels, special tokens, rows cut, rows dropped. */
  readonly reading: readonly string[];
  /** What each side was cut to. */
  readonly limits: { readonly student: LengthLimits; readonly teacher: LengthLimits };
}

/** The tokenizer as the config wants it to read. */
export const asConfigured = ({ data }: RunConfig, tokenizer: Tokenizer): Tokenizer =>
  data.specialTokens === "none" ? withoutSpecialTokens(tokenizer) : tokenizer;

/** The limits of each side; methods that pair position p with position p must cut both alike. */
function limitsOf(
  { data, method, rollout }: RunConfig,
  student: number,
  teacher: number,
): { readonly student: LengthLimits; readonly teacher: LengthLimits } {
  const limits = (maxPositions: number): LengthLimits =>
    isOnPolicy(data) ? beforeAnswer(within(data, maxPositions), rollout) : within(data, maxPositions);
  const paired = objectiveOf(method).sharesTokenizer?.(method) ?? false;
  const most = Math.min(student, teacher);
  return {
    student: limits(paired ? most : student),
    teacher: limits(paired ? most : teacher),
  };
}

/** A sequence's last token is only predicted, so a context of n positions takes n + 1 tokens. */
const within = ({ maxLength, maxPrompt }: LengthLimits, maxPositions: number): LengthLimits => ({
  maxLength: Math.min(maxLength, maxPositions + 1),
  maxPrompt: Math.min(maxPrompt, maxPositions),
});

export interface GivenRows {
  readonly train: readonly Row[];
  readonly heldOut: readonly Row[];
  /** What was done to the training rows' labels: the first thing that a person reads of them. */
  readonly said: string;
}

/** A prompt leaves room for what is written behind it. */
const beforeAnswer = ({ maxLength, maxPrompt }: LengthLimits, { maxNewTokens }: Rollout): LengthLimits => ({
  maxLength,
  maxPrompt: Math.max(1, Math.min(maxPrompt, maxLength - maxNewTokens)),
});

/** Rows without their answers, where those are not read; held-out ones may have none. */
const asked = (rows: readonly Row[], view: View, all: boolean): Row[] =>
  rows.map((row) => {
    if (view === "plain") return all ? { ...row, output: "" } : row;
    return all || (row.output === "" && row.outputCot === undefined)
      ? { ...row, promptCot: row.promptCot ?? row.prompt, outputCot: "" }
      : row;
  });

/** @throws DataError when there are too few rows, or none that can be used. */
export function readRows(
  config: RunConfig,
  views: 1 | 2,
  { train, heldOut, said }: GivenRows,
  student: Reader,
  teacher: Reader,
): ReadRows {
  const { data } = config;
  if (train.length === 0 || heldOut.length === 0) {
    const there = train.length + heldOut.length;
    throw new DataError(
      `a run needs two rows, one to learn from and one held out; there ${there === 1 ? "is" : "are"} ${there}`,
    );
  }
  const taught = teacher.tokenizer !== student.tokenizer; // else the student stands on both sides
  const writes = isOnPolicy(data);
  const limits = limitsOf(config, student.maxPositions, teacher.maxPositions);
  const prepare = (rows: readonly Row[], plainToo: boolean) =>
    prepareDataset(rows, data.view, student.tokenizer, teacher.tokenizer, limits, {
      pairs: views === 2,
      plainToo,
      front: writes,
    });
  const some = data.rows > 0 ? train.slice(0, data.rows) : train;
  const learned = writes ? asked(some, data.view, data.outputs === "student") : some;
  const training = prepare(learned, data.records === "published" && !writes);
  const held = prepare(writes ? asked(heldOut, data.view, false) : heldOut, false);
  const positions = { student: student.maxPositions, teacher: taught ? teacher.maxPositions : Infinity };
  const out = [...training.dropped, ...held.dropped];
  return {
    limits,
    train: training.usable,
    heldOut: held.usable,
    dropped: out.map(({ row, reason }) =>
      reason.startsWith(`row ${row.id}`) ? reason : `row ${row.id}: ${reason}`,
    ),
    reading: [
      said,
      `Special tokens: ${taught ? `teacher ${aroundText(teacher.tokenizer)}, ` : ""}student ${aroundText(student.tokenizer)}` +
        (data.specialTokens === "none" ? " (data.specialTokens: none, as published)." : "."),
      ...(writes ? writingLines(config, limits.student, training.usable) : []),
      ...lengthLines(reportLengths([...training.lengths, ...held.lengths], positions, limits)),
      ...droppedLines(countReasons(out)),
    ],
  };
}

function writingLines(
  { data, rollout }: RunConfig,
  { maxPrompt }: LengthLimits,
  rows: readonly PreparedRow[],
): string[] {
  const cut = rows.filter(({ student }) => (student.whole?.prompt ?? 0) > student.promptLength).length;
  const whose =
    data.outputs === "mix" ? `of ${Math.round(100 * rollout.lambda)} % of the rows` : "of every row";
  return [
    `The student writes the answer ${whose} at each step: up to ${rollout.maxNewTokens} tokens behind at most ${maxPrompt} of its prompt.`,
    ...(cut > 0 ? [`${cut} of ${rows.length} prompts are longer and lose their front.`] : []),
  ];
}

const MOST_REASONS = 8;

/** The commonest reasons first. */
function droppedLines(reasons: Readonly<Record<string, number>>): string[] {
  const sorted = Object.entries(reasons).toSorted(([, a], [, b]) => b - a);
  const rest = sorted.slice(MOST_REASONS).reduce((sum, [, n]) => sum + n, 0);
  return [
    ...sorted.slice(0, MOST_REASONS).map(([reason, n]) => `${n} dropped: ${reason}`),
    ...(rest > 0 ? [`${rest} dropped for other reasons`] : []),
  ];
}

/** "<bos> … <eos>": what stands around a prompt and its answer. */
export function aroundText({
  around,
  eosId,
  rawToken,
}: Pick<Tokenizer, "around" | "eosId" | "rawToken">): string {
  const { start = [], end = [] } = around ?? {};
  const ends = end.length > 0 ? end : [eosId];
  return [...start.map(rawToken), "…", ...ends.map(rawToken)].join(" ");
}

/** Of a model whose config and tokenizer are known. */
export const readerOf = ({
  config,
  tokenizer,
}: {
  readonly config: Pick<Teacher["config"], "maxPositions">;
  readonly tokenizer: Tokenizer;
}): Reader => ({
  tokenizer,
  maxPositions: config.maxPositions,
});
