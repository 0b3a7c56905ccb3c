// Conversations in a model's own template, cut where the reply's own text begins and where its turn ends.
//
//   <bos>user: 2+2?<end>assistant: <think></think> 4 <end>⏎           (some templates open the next turn here)
//   |------------------- prompt ------------------|-reply-|
//
// Templates are programs, and nothing in them says where a reply begins. The same conversation is therefore written with
// a stand-in for the reply: what stands before it is the prompt, boilerplate that the template itself opens a reply with
// (an empty thought) included, and the first mark after it ends the turn. A template with {% generation %} marks says by
// itself what a model learns; these then decide.

import { ModelError } from "../errors";
import { messageOf } from "../../base/errors";

/** A tool that the assistant calls, with the arguments as an object where they are JSON. */
export interface ToolCall {
  readonly name: string;
  readonly arguments: unknown;
  readonly id?: string;
}

export interface ChatTurn {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** What the assistant thought before it said `content`. */
  readonly reasoning?: string;
  readonly calls?: readonly ToolCall[];
  /** Of the tool that answers. */
  readonly name?: string;
  /** The call that a tool answers. */
  readonly callId?: string;
}

/** Definitions of the tools that a conversation may call, as its file gives them. */
export type ChatTools = readonly unknown[];

export interface ChatPair {
  /** Everything before the reply's own text. */
  readonly prompt: string;
  /** The reply with what ends its turn: "Paris.<|im_end|>". */
  readonly reply: string;
  /** The template itself says that the reply ends here: nothing is to be added. */
  readonly closed: boolean;
}

export interface ChatTemplate {
  /** All turns, up to where the text of the next reply begins. @throws ModelError when the template refuses them, or leaves one out. */
  prompt(turns: readonly ChatTurn[], tools?: ChatTools): string;
  /** A reply to them with what ends it: "Paris.<|im_end|>". @throws ModelError likewise. */
  reply(turns: readonly ChatTurn[], text: string, tools?: ChatTools): string;
  /** Both at once. @throws ModelError likewise. */
  pair(turns: readonly ChatTurn[], text: string, tools?: ChatTools): ChatPair;
  /** What the template writes behind a reply; undefined where it refuses so short a talk. */
  turnEnd(): string | undefined;
}

/**
 * The template's own text of a conversation; `open`: with the head of the reply that is to come; `marked`: with
 * GENERATION around what its {% generation %} blocks write.
 */
export type ApplyTemplate = (
  turns: readonly ChatTurn[],
  options: { readonly open: boolean; readonly tools?: ChatTools | undefined; readonly marked?: boolean },
) => string;

export interface TemplateTraits {
  /** Texts of tokens that stand for no text: "<|im_end|>", "</s>". */
  readonly marks?: readonly string[];
  /** The template has {% generation %} blocks. */
  readonly generation?: boolean;
}

/** Around what a {% generation %} block writes, where asked for: characters that no text is written in. */
export const GENERATION = { open: "\uE0B1", close: "\uE0B2" } as const;
/** Stands in for a reply; letters, so that no template takes it for white space. */
const STAND_IN = "\uE0A1reply\uE0A2";

export function chatTemplate(apply: ApplyTemplate, traits: TemplateTraits = {}): ChatTemplate {
  const marks = markFinder(traits.marks ?? []);
  const render = rendering(apply);

  /** Where a reply's text begins and ends in the template's whole text of it. */
  function place(turns: readonly ChatTurn[], text: string, tools?: ChatTools): Placed {
    const before = render(turns, { open: true, tools });
    const model = whole(turns, STAND_IN, tools);
    const at = model.indexOf(STAND_IN);
    if (at >= 0 && text === STAND_IN) return { before, text: model, from: at, to: at + STAND_IN.length };
    const given = whole(turns, text, tools);
    const after = model.slice(at + STAND_IN.length);
    if (at >= 0 && given === model.slice(0, at) + text + after)
      return { before, text: given, from: at, to: at + text.length };
    // The template reads the reply itself (a thought in it, say): it is where the texts part.
    const found = looseSearch(given, text, commonPrefix(before, given));
    if (!found) throw unsupported("the model's chat template does not write a reply as it is given");
    return { before, text: given, ...found };
  }

  function whole(turns: readonly ChatTurn[], text: string, tools?: ChatTools): string {
    return render([...turns, { role: "assistant", content: text }], { open: false, tools });
  }

  function pair(turns: readonly ChatTurn[], text: string, tools?: ChatTools): ChatPair {
    const placed = place(turns, text, tools);
    const marked = traits.generation ? generated(turns, text, placed, tools) : undefined;
    if (marked) return marked;
    const reply =
      placed.text.slice(placed.from, placed.to) +
      endAfter(placed, turns, marks, alwaysOpen(turns, placed, tools));
    return { prompt: promptOf(placed.before, placed.text.slice(0, placed.from)), reply, closed: false };
  }

  /** Whether the template writes the head of the next reply also where none is asked for. */
  function alwaysOpen(turns: readonly ChatTurn[], { before }: Placed, tools?: ChatTools): () => boolean {
    return () => render(turns, { open: false, tools }) === before;
  }

  /** What the template's own marks say of the last reply. */
  function generated(
    turns: readonly ChatTurn[],
    text: string,
    placed: Placed,
    tools?: ChatTools,
  ): ChatPair | undefined {
    const marked = render([...turns, { role: "assistant", content: text }], {
      open: false,
      tools,
      marked: true,
    });
    const { plain, spans } = readMarks(marked);
    const shared = commonPrefix(placed.before, placed.text);
    const own = spans.filter(([from]) => from >= Math.min(shared, placed.from));
    const [from, to] = [own[0]?.[0], own.at(-1)?.[1]];
    if (plain !== placed.text || from === undefined || to === undefined) return undefined;
    const reply = withoutSpaceAfterMark(placed.text.slice(from, to), marks);
    return reply === ""
      ? undefined
      : { prompt: promptOf(placed.before, placed.text.slice(0, from)), reply, closed: true };
  }

  return {
    prompt(turns, tools) {
      return pair(turns, STAND_IN, tools).prompt;
    },
    reply: (turns, text, tools) => pair(turns, text, tools).reply,
    pair,
    turnEnd() {
      try {
        const turns: ChatTurn[] = [{ role: "user", content: "a question" }];
        const placed = place(turns, STAND_IN);
        return endAfter(placed, turns, marks, alwaysOpen(turns, placed));
      } catch {
        return undefined;
      }
    },
  };
}

interface Placed {
  /** With the head of the reply that is to come. */
  readonly before: string;
  /** Of the finished conversation. */
  readonly text: string;
  /** The reply in it. */
  readonly from: number;
  readonly to: number;
}

/** A head that is only written when a reply is to come (an empty thought, say) is read as the model will be asked. */
const promptOf = (before: string, written: string): string => (before.startsWith(written) ? before : written);

/** Behind the reply, up to the first mark that ends it; without one, up to where the template opens the next turn. */
function endAfter(
  placed: Placed,
  turns: readonly ChatTurn[],
  marks: MarkFinder,
  alwaysOpen: () => boolean,
): string {
  const { before, text, to } = placed;
  const after = text.slice(to);
  const end = marks(after);
  if (!end) {
    // Without marks, the head of the next reply is told by what stood in front of this one.
    const head = alwaysOpen() ? commonSuffix(before, after) : 0;
    return after.slice(0, after.length - head).trimEnd();
  }
  const opensNext = alwaysOpen() && opensTurn(after.slice(end.from, end.to), placed, turns, marks);
  return opensNext ? after.slice(0, end.from).trimEnd() : after.slice(0, end.to);
}

/** Whether a mark opens turns and ends none: it stands right in front of a reply, or in front of the first message. */
function opensTurn(
  mark: string,
  { text, from }: Placed,
  [first]: readonly ChatTurn[],
  marks: MarkFinder,
): boolean {
  const head = text.slice(0, from);
  const last = head.lastIndexOf(mark);
  if (last >= 0 && !marks(head.slice(last + mark.length))) return true;
  const begin = first === undefined ? -1 : text.indexOf(first.content.trim());
  return begin > 0 && text.slice(0, begin).includes(mark);
}

/** The template with the system message where it knows one; with nothing left out. */
function rendering(apply: ApplyTemplate): ApplyTemplate {
  const complete: ApplyTemplate = (turns, options) => {
    const text = apply(turns, options);
    const missing = turns.find((turn) => !saysAll(text, turn));
    if (missing) throw new LeftOut(missing.role);
    const { tools = [] } = options;
    if (tools.some((tool) => !text.includes(toolName(tool)))) throw new LeftOut("tools");
    return text;
  };
  return (turns, options) => {
    try {
      return complete(turns, options);
    } catch (error) {
      const merged = withoutSystem(turns);
      if (merged === turns) throw refused(error);
      try {
        return complete(merged, options); // some templates know no system message
      } catch (second) {
        throw refused(error instanceof LeftOut ? second : error);
      }
    }
  };
}

class LeftOut extends Error {
  override name = "LeftOut";
  constructor(what: ChatTurn["role"] | "tools") {
    super(what === "tools" ? "the definitions of the tools" : `a message of the ${ROLE_WORDS[what]}`);
  }
}

const ROLE_WORDS = { system: "system", user: "user", assistant: "assistant", tool: "tool" } as const;

/** Whether a turn is in the text: its words (a thought before them may go, as templates forget old ones) and its calls. */
function saysAll(text: string, { content, calls = [] }: ChatTurn): boolean {
  const words = (content.split("</think>").at(-1) ?? "").trim();
  const said = words === "" || text.includes(words) || text.includes(JSON.stringify(words).slice(1, -1));
  return (
    (said || looseSearch(text, words, 0) !== undefined) && calls.every(({ name }) => text.includes(name))
  );
}

function toolName(tool: unknown): string {
  const of = (value: unknown, key: string): unknown =>
    typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  const name = of(of(tool, "function"), "name") ?? of(tool, "name");
  return typeof name === "string" ? name : "";
}

/** The system message as the beginning of the first message; the same turns when there is none. */
function withoutSystem(turns: readonly ChatTurn[]): readonly ChatTurn[] {
  const [system, first, ...rest] = turns;
  if (system?.role !== "system" || first?.role !== "user") return turns;
  return [{ role: "user", content: `${system.content}\n\n${first.content}` }, ...rest];
}

const refused = (error: unknown): ModelError =>
  unsupported(
    error instanceof LeftOut
      ? `the model's chat template leaves out ${error.message}`
      : `the model's chat template refuses the conversation: ${messageOf(error)}`,
  );

const unsupported = (message: string): ModelError => new ModelError("unsupported", message);

/** The first mark in a text, if there is one. */
type MarkFinder = (text: string) => { readonly from: number; readonly to: number } | undefined;

/** Marks of white space alone ("⏎⏎", runs of spaces) are text. */
function markFinder(marks: readonly string[]): MarkFinder {
  const known = marks.filter((mark) => mark.replaceAll("▁", " ").trim() !== "");
  if (known.length === 0) return () => undefined;
  const longest = known.toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(
    longest.map((mark) => mark.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|"),
    "u",
  );
  return (text) => {
    const found = pattern.exec(text);
    return found ? { from: found.index, to: found.index + found[0].length } : undefined;
  };
}

/** White space behind the mark that ends a turn is never generated. */
function withoutSpaceAfterMark(reply: string, marks: MarkFinder): string {
  const trimmed = reply.trimEnd();
  for (let at = 0; at < trimmed.length;) {
    const end = marks(trimmed.slice(at));
    if (end === undefined) return reply;
    at += end.to;
    if (at === trimmed.length) return trimmed;
  }
  return reply;
}

/** Without its marks, and where they were. */
function readMarks(marked: string): { plain: string; spans: [from: number, to: number][] } {
  const spans: [number, number][] = [];
  let plain = "";
  for (const piece of marked.split(new RegExp(`(${GENERATION.open}|${GENERATION.close})`, "u"))) {
    const last = spans.at(-1);
    if (piece === GENERATION.open) spans.push([plain.length, plain.length]);
    else if (piece === GENERATION.close && last) last[1] = plain.length;
    else plain += piece;
  }
  return { plain, spans };
}

/** The first place at or behind `from` where the text stands, white space not counted. */
function looseSearch(whole: string, text: string, from: number): { from: number; to: number } | undefined {
  const wanted = text.replaceAll(/\s/gu, "");
  if (wanted === "") return undefined;
  for (let start = from; start < whole.length; start++) {
    if (whole[start] !== wanted[0]) continue;
    let [at, matched] = [start, 0];
    while (at < whole.length && matched < wanted.length) {
      const char = whole[at] ?? "";
      if (char === wanted[matched]) matched++;
      else if (char.trim() !== "") break;
      at++;
    }
    if (matched === wanted.length) return { from: start, to: at };
  }
  return undefined;
}

function commonPrefix(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

function commonSuffix(a: string, b: string): number {
  let n = 0;
  while (n < a.length && n < b.length && a[a.length - 1 - n] === b[b.length - 1 - n]) n++;
  return n;
}
