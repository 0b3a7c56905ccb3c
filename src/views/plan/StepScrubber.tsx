import { useId } from "react";
import { shownRecord, storedPlans } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

const { plan: text } = messages;

/** Back to the plan of an earlier step, and forward again. */
export function StepScrubber() {
  const id = useId();
  const steps = useApp((state) => storedPlans(state).map(({ step }) => step));
  const shown = useApp((state) => shownRecord(state)?.step);
  const following = useApp((state) => state.planStep === undefined);
  const { choosePlanStep } = useActions();
  if (steps.length < 2 || shown === undefined) return null;
  const last = steps.length - 1;
  const at = Math.max(
    0,
    steps.findLastIndex((step) => step <= shown),
  );
  return (
    <div className="step-scrubber">
      <label htmlFor={id}>{text.storedStep}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={last}
        step={1}
        value={at}
        aria-valuetext={text.atStep(shown)}
        onChange={(event) => {
          const index = Number(event.target.value);
          choosePlanStep(index >= last ? undefined : steps[index]);
        }}
      />
      <output htmlFor={id}>{text.atStep(shown)}</output>
      <span className="muted">{following ? text.newest : text.earlier}</span>
    </div>
  );
}
