import { useState } from "react";
import { stepOfPlan } from "../../store";
import { significant } from "../format";
import { messages } from "../messages";
import { useActions, useApp, useAppParts } from "../use-app";

const { start: text } = messages;
type Term = keyof typeof text.terms;

/** The loss, term by term: what each is, and what it is now. */
export function Formula() {
  const [term, setTerm] = useState<Term>("ce");
  const { live } = useAppParts();
  const record = useApp((state) => stepOfPlan(state, live));
  const chosenStep = useApp((state) => state.planStep);
  const terms = record?.terms;
  const { chooseLayer } = useActions();
  const show = (next: Term) => {
    setTerm(next);
    if (next === "ot_embedding") chooseLayer("embedding");
    if (next === "ot_hidden") chooseLayer("hidden");
  };
  const part = (name: Term) => (
    <button
      type="button"
      className={`formula-term term-${name}`}
      aria-pressed={term === name}
      onPointerEnter={() => show(name)}
      onFocus={() => show(name)}
      onClick={() => show(name)}
    >
      {text.terms[name].name}
    </button>
  );
  const share = useApp(({ recorded, run, source }) => {
    const config =
      source === "live" ? run.config : recorded.kind === "ready" ? recorded.run.config : undefined;
    return config && "kdRate" in config.method ? config.method.kdRate : undefined;
  });
  const value = term === "alpha" ? share : terms?.[term];
  return (
    <>
      <p className="formula">
        L = (1 − {part("alpha")}) · {part("ce")} + {part("alpha")} · ( {part("ot_embedding")} +{" "}
        {part("ot_hidden")} )<span className="formula-side">plan at {part("epsilon")}</span>
      </p>
      <p className="formula-text" aria-live="polite">
        <b>{text.terms[term].name}</b>
        {value === undefined && chosenStep === 0 && term !== "epsilon" && (
          <span className="muted"> {text.beforeTraining}</span>
        )}
        {value !== undefined && <span className="muted"> {text.at(significant(value), record?.step)}</span>}
        <br />
        {text.terms[term].text}
      </p>
      <p className="hint">{text.formulaHint}</p>
    </>
  );
}
