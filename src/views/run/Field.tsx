import { useId } from "react";
import { fieldText, judgeDraft, type FieldPath } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

interface FieldState {
  readonly text: string | undefined;
  readonly issue: string | undefined;
}

const useField = (path: FieldPath): FieldState =>
  useApp(({ draft }) => ({ text: fieldText(draft, path), issue: judgeDraft(draft).issues[path] }));

/** A setting that is a number, kept as typed; its issue stands under it. */
export function NumberField({ path }: { readonly path: FieldPath }) {
  const id = useId();
  const { text, issue } = useField(path);
  const { edit } = useActions();
  if (text === undefined) return null; // this method has no such setting
  return (
    <div className="field">
      <label htmlFor={id}>{messages.settings.fields[path]}</label>
      <input
        id={id}
        inputMode="decimal"
        autoComplete="off"
        spellCheck={false}
        value={text}
        aria-invalid={issue !== undefined}
        aria-describedby={`${id}-note`}
        onChange={(event) => edit(path, event.target.value)}
      />
      <Note id={id} path={path} issue={issue} />
    </div>
  );
}

interface ChoiceFieldProps {
  readonly path: FieldPath;
  readonly options: readonly string[];
}

export function ChoiceField({ path, options }: ChoiceFieldProps) {
  const id = useId();
  const { text, issue } = useField(path);
  const { edit } = useActions();
  if (text === undefined) return null;
  return (
    <div className="field field-wide">
      <label htmlFor={id}>{messages.settings.fields[path]}</label>
      <select
        id={id}
        value={text}
        aria-invalid={issue !== undefined}
        aria-describedby={`${id}-note`}
        onChange={(event) => edit(path, event.target.value)}
      >
        {options.map((option) => (
          <option key={option} value={option}>
            {messages.settings.options[option] ?? option}
          </option>
        ))}
      </select>
      <Note id={id} path={path} issue={issue} />
    </div>
  );
}

function Note({
  id,
  path,
  issue,
}: {
  readonly id: string;
  readonly path: FieldPath;
  readonly issue: string | undefined;
}) {
  const hint = messages.settings.hints[path];
  return (
    <p id={`${id}-note`} className={issue ? "issue" : "hint"} aria-live="polite">
      {issue ?? hint}
    </p>
  );
}
