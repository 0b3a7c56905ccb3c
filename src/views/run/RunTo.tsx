import { useState } from "react";
import { canPlay } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

/** Play on and stop exactly at a step. */
export function RunTo() {
  const { runTo } = useActions();
  const ready = useApp((state) => canPlay(state) && state.run.awaiting === undefined);
  const at = useApp((state) => state.run.step);
  const steps = useApp((state) => state.run.config?.steps ?? 0);
  const [text, setText] = useState("50");
  const wanted = Number(text);
  const usable = Number.isInteger(wanted) && wanted > at && wanted <= steps;
  return (
    <form
      className="run-to"
      onSubmit={(event) => {
        event.preventDefault();
        if (usable && ready) runTo(wanted);
      }}
    >
      <button disabled={!ready || !usable} title={messages.run.runToTitle(at + 1, steps)}>
        {messages.run.runTo}
      </button>
      <input
        inputMode="numeric"
        aria-label={messages.run.runToStep}
        aria-invalid={!usable && steps > 0 && at < steps}
        title={messages.run.runToTitle(at + 1, steps)}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </form>
  );
}
