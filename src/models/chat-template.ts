// Conversations in a model's own template, cut where its reply begins and where it ends.

import { ModelError, reason } from "./errors";

export interface ChatTurn {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface ChatTemplate {
  /** All turns, up to where the next reply begins. @throws ModelError when the template refuses them. */
  prompt(turns: readonly ChatTurn[]): string;
  /** A reply to them with what ends it: "Paris.<|im_end|>". @throws ModelError likewise. */
  reply(turns: readonly ChatTurn[], text: string): string;
}

/** The template's own text of a conversation; `open`: with the head of the reply that is to come. */
export type ApplyTemplate = (turns: readonly ChatTurn[], open: boolean) => string;

export function chatTemplate(apply: ApplyTemplate): ChatTemplate {
  const render = (turns: readonly ChatTurn[], open: boolean): string => {
    try {
      return apply(turns, open);
    } catch (error) {
      const merged = withoutSystem(turns);
      if (merged === turns) throw refused(error);
      try {
        return apply(merged, open); // some templates know no system message
      } catch {
        throw refused(error);
      }
    }
  };
  return {
    prompt: (turns) => render(turns, true),
    reply(turns, text) {
      const before = render(turns, true);
      const whole = render([...turns, { role: "assistant", content: text }], false);
      const from = whole.startsWith(before) ? before.length : replyStart(whole, text);
      return whole.slice(from).trimEnd(); // what follows the end of a turn belongs to the next
    },
  };
}

/** A head of the reply that is only written when it is to come (an empty thought, say) is no part of it afterwards. */
function replyStart(whole: string, text: string): number {
  const at = whole.lastIndexOf(text.trim());
  if (at >= 0) return at;
  throw new ModelError("unsupported", "the model's chat template does not write a reply as it is given");
}

/** The system message as the beginning of the first message; the same turns when there is none. */
function withoutSystem(turns: readonly ChatTurn[]): readonly ChatTurn[] {
  const [system, first, ...rest] = turns;
  if (system?.role !== "system" || first?.role !== "user") return turns;
  return [{ role: "user", content: `${system.content}\n\n${first.content}` }, ...rest];
}

const refused = (error: unknown): ModelError =>
  new ModelError("unsupported", `the model's chat template refuses the conversation: ${reason(error)}`);
