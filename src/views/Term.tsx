// A word with its explanation from the glossary behind a small "?": by pointer, key and touch.
import { type ReactNode, useId } from "react";
import { GLOSSARY, type GlossaryTerm } from "../config/glossary";
import { messages } from "./messages";

interface Props {
  readonly of: GlossaryTerm;
  /** The word as it stands here; the glossary's own unless given. */
  readonly children?: ReactNode;
}

export function Term({ of, children }: Props) {
  const id = useId();
  const { term, meaning } = GLOSSARY[of];
  return (
    <span className="term">
      {children === undefined ? term : children}
      <button
        type="button"
        className="term-help"
        popoverTarget={id}
        title={meaning}
        aria-label={messages.explain(term)}
      >
        ?
      </button>
      <span id={id} popover="auto" className="term-note">
        <strong>{term}</strong> {meaning}
      </span>
    </span>
  );
}
