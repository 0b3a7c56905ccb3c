import { useId, useMemo } from "react";
import { baseText, draftFields, fieldText, validateDraft, type FormField } from "../../store";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { useActions, useApp } from "../use-app";
import { Term } from "../Term";
import { fieldHint, fieldName, fieldTerm, optionName } from "./field-names";

interface FieldState {
  readonly text: string | undefined;
  readonly issue: string | undefined;
  /** What the preset says, where it says something else. */
  readonly before: string | undefined;
}

const useField = (path: string): FieldState =>
  useApp(({ draft }) => {
    const { issues, changed } = validateDraft(draft);
    return {
      text: fieldText(draft, path),
      issue: issues[path],
      before: changed.includes(path) ? (baseText(draft, path) ?? "–") : undefined,
    };
  });

/** The fields of the present draft; a new list only when there are others. */
export function useFields(): readonly FormField[] {
  const text = useApp(({ draft }) => JSON.stringify(draftFields(draft)));
  return useMemo(() => JSON.parse(text) as FormField[], [text]); // our own JSON, one line above
}

interface FieldProps {
  readonly field: FormField;
  /** Instead of the schema's own: names of models and data. */
  readonly options?: readonly string[];
}

/** One setting, kept as typed; its issue, or what the preset says, stands under it. */
export function Field({ field, options }: FieldProps) {
  const id = useId();
  const { path, kind } = field;
  const { text, issue, before } = useField(path);
  const { edit } = useActions();
  if (text === undefined) return null; // this method has no such setting
  const term = fieldTerm(path);
  const common = {
    id,
    value: text,
    "aria-invalid": issue !== undefined,
    "aria-describedby": `${id}-note`,
  };
  const choices = options ?? field.options;
  const offered = choices.includes(text) ? choices : [...choices, text];
  return (
    <div className={kind === "number" ? "field" : "field field-wide"} data-changed={before !== undefined}>
      <span className="field-label">
        <label htmlFor={id}>{fieldName(path)}</label>
        {term && <Term of={term}>{null}</Term>}
      </span>
      {choices.length > 0 ? (
        <select {...common} onChange={(event) => edit(path, event.target.value)}>
          {offered.map((option) => (
            <option key={option} value={option}>
              {shown(path, option)}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          inputMode={kind === "number" ? "decimal" : "text"}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => edit(path, event.target.value)}
        />
      )}
      <p id={`${id}-note`} className={issue ? "issue" : "hint"} aria-live="polite">
        {issue ?? (before === undefined ? fieldHint(path) : messages.settings.was(shown(path, before)))}
      </p>
    </div>
  );
}

const shown = (path: string, text: string): string =>
  /^(hub|local|own|https?):/.test(text) ? modelTitle(text) : optionName(path, text);
