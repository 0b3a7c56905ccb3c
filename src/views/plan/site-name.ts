// What a site of transport is called: its layers, and the views it pairs when they are not the same.
import { termCard } from "../../config/run";
import { siteParts } from "../../store";
import type { PlanRecord } from "../../telemetry";
import { messages } from "../messages";

const { plan: text } = messages;

/** "hidden" → "Last hidden", "layer_2_3" → "Block 2 × 3". */
export function layerName(layer: string): string {
  const [, student, teacher] = /^layer_(\d+)_(\d+)$/.exec(layer) ?? [];
  if (student !== undefined && teacher !== undefined) return text.blocks(student, teacher);
  return text.layers[layer] ?? layer;
}

/** "hidden_plain_cot" → "Last hidden, plain × CoT". */
export function siteName(site: string): string {
  const { layer, pairing } = siteParts(site);
  return pairing === "same" ? layerName(layer) : `${layerName(layer)}, ${lower(text.pairings[pairing])}`;
}

/** What a loss term is called: by its method's card; transport's further ones by their site. */
export const termName = (term: string): string =>
  termCard(term)?.label ??
  (term.startsWith("ot_") ? `OT ${lower(siteName(term.slice("ot_".length)))}` : term);

const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** What a record's files are called, and what is said in them. */
export const namesOf = ({ layer, step }: PlanRecord) => ({
  name: `${layer}-step-${step}`,
  title: `${siteName(layer)}, ${text.atStep(step)}`,
});
