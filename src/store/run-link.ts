// The settings form as a link: a run config's difference from its preset.
import { encodeLink, decodeLink, type LinkFormat } from "../config/link";
import { PRESETS } from "../config/presets";
import { parseRunConfig, type RunConfig } from "../config/run";
import {
  draftFields,
  draftFor,
  draftOf,
  editDraft,
  fieldText,
  validateDraft,
  sameConfig,
  type Draft,
  type PresetId,
} from "./draft";

export const RUN_LINKS: LinkFormat<RunConfig> = {
  presets: Object.fromEntries(Object.entries(PRESETS).map(([id, { config }]) => [id, config])),
  parse: parseRunConfig,
};

/** Undefined while the form holds something that is no config: a link would not open. */
export function linkOf(draft: Draft): string | undefined {
  const { config } = validateDraft(draft);
  const [first = ""] = Object.keys(PRESETS);
  return config && encodeLink(RUN_LINKS, draft.preset === "imported" ? first : draft.preset, config);
}

/** A form that still counts its changes from the preset, where the form offers all that was changed. */
export function draftFromLink(text: string): { draft: Draft; issues: readonly string[] } {
  const { value, preset, issues } = decodeLink(RUN_LINKS, text);
  const id = (Object.keys(PRESETS) as PresetId[]).find((known) => known === preset); // keys of a const object
  if (!id) return { draft: draftFor(value), issues };
  const wanted = draftFor(value);
  const edited = draftFields(wanted).reduce(
    (draft, { path }) => editDraft(draft, path, fieldText(wanted, path) ?? ""),
    draftOf(id),
  );
  return { draft: sameConfig(validateDraft(edited).config, value) ? edited : wanted, issues };
}
