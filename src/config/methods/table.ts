// The table of methods in docs/OBJECTIVES.md, from the cards. A test holds the page to it; run with COUPLET_DOCS=1, the test
// writes it.
import { METHOD_CARDS } from "./index";
import type { MethodCard } from "./card";
import { DISTILLATION_CARDS } from "./distillations";

const cells = (values: readonly string[]): string => `| ${values.join(" | ")} |`;

/** Markdown, one row a method. */
export function methodTable(): string {
  const head = [
    "method",
    "what it does",
    "asks of the teacher",
    "tokenizers",
    "defaults",
    "paper",
    "METHODS",
  ];
  return [cells(head), cells(head.map(() => "---")), ...METHOD_CARDS.map(row)].join("\n");
}

function row({ id, explain, asks, tokenizers, settings, source, paper, section }: MethodCard): string {
  const card = DISTILLATION_CARDS.find((known) => known.id === id);
  const preset = card && card.preset.id !== id ? ` (preset \`${card.preset.id}\`)` : "";
  const values = Object.entries(settings)
    .filter(([, { default: value }]) => typeof value !== "object" || value === null)
    .map(([name, { default: value }]) => `${name} ${String(value)}`)
    .join(", ");
  return cells([
    `\`${id}\`${preset}`,
    explain,
    asks,
    tokenizers === "one" ? "one" : "any two",
    values === "" ? source : `${values} (${source})`,
    paper,
    `§${section}`,
  ]);
}
