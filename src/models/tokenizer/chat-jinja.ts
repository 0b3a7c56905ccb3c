// A folder's chat templates as text: which of several is meant, what its {% generation %} blocks write, and messages in
// the form that templates read.

import { type ChatTurn, GENERATION } from "./chat-template";
import { ModelError } from "../errors";

/** A template, a list of {name, template}, or what the library makes of such a list: an object by name. */
export const hasTemplate = (stored: unknown): boolean => namedTemplates(stored).size > 0;

function namedTemplates(stored: unknown): Map<string, string> {
  const named = new Map<string, string>();
  const add = (name: unknown, template: unknown): void => {
    if (typeof name === "string" && typeof template === "string" && template.trim() !== "")
      named.set(name, template);
  };
  if (typeof stored === "string") add("default", stored);
  else if (Array.isArray(stored)) {
    for (const entry of stored as unknown[]) {
      const { name, template }: { name?: unknown; template?: unknown } =
        typeof entry === "object" && entry !== null ? entry : {};
      add(name, template);
    }
  } else if (typeof stored === "object" && stored !== null)
    for (const [name, template] of Object.entries(stored)) add(name, template);
  return named;
}

/**
 * "tool_use" for a conversation with tools, else "default", as in Transformers; a template that is the only one, whatever
 * it is called.
 *
 * @throws ModelError when there are several and none of them is the default.
 */
function pickTemplate(stored: unknown, tools: boolean): string {
  const named = namedTemplates(stored);
  const only = named.size === 1 ? [...named.values()][0] : undefined;
  const found = (tools ? named.get("tool_use") : undefined) ?? named.get("default") ?? only;
  if (found !== undefined) return found;
  const names = [...named.keys()].join(", ");
  throw new ModelError("unsupported", `it has several chat templates and none is the default: ${names}`);
}

const TAG = String.raw`\{%-?\s*(?:end)?generation\s*-?%\}`;

/** `marked`: its {% generation %} blocks write GENERATION around what is in them. */
export function templateText(
  stored: unknown,
  { tools, marked }: { readonly tools: boolean; readonly marked: boolean },
): string {
  const template = pickTemplate(stored, tools);
  if (!marked) return template;
  // White space around the tags goes as it would without us: lstrip_blocks, trim_blocks, then the tags' own dashes.
  return template
    .replaceAll(new RegExp(`^[ \\t]*(${TAG})`, "gmu"), "$1")
    .replaceAll(new RegExp(`(${TAG})\\n`, "gu"), "$1")
    .replaceAll(
      /(\s*)\{%(-?)\s*(end)?generation\s*(-?)%\}(\s*)/gu,
      (_, before: string, left: string, end: string | undefined, right: string, after: string) =>
        `${left ? "" : before}{{ "${end ? GENERATION.close : GENERATION.open}" }}${right ? "" : after}`,
    );
}

export const templateTraits = (stored: unknown): { generation: boolean } => ({
  generation: [...namedTemplates(stored).values()].some((template) => new RegExp(TAG, "u").test(template)),
});

/** A turn as templates read it: OpenAI's fields, and what several families call the thought before a reply. */
export function toMessage({ role, content, reasoning, calls, name, callId }: ChatTurn): {
  role: string;
  content: string;
} {
  return {
    ...{ role, content },
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(calls && {
      tool_calls: calls.map((call) => ({
        type: "function",
        ...(call.id !== undefined && { id: call.id }),
        function: { name: call.name, arguments: call.arguments },
      })),
    }),
    ...(name !== undefined && { name }),
    ...(callId !== undefined && { tool_call_id: callId }),
  };
}
