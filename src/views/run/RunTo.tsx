import { useState } from "react";
import { validateDraft, nextTraining } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

const ROUND = 50;

/** Play on and stop exactly at a step. */
export function RunTo() {
  const { train } = useActions();
  const { usable: ready, trains, restarts } = useApp(nextTraining);
  const fresh = trains === "form"; // of the run that the form describes, from its beginning
  const at = useApp((state) => (fresh ? 0 : state.run.step));
  const steps = useApp(({ run, draft }) => (fresh ? validateDraft(draft).config : run.config)?.steps ?? 0);
  const [typed, setTyped] = useState<string>();
  // Until something is typed: the next round step.
  const text = typed ?? String(Math.min(steps || ROUND, (Math.floor(at / ROUND) + 1) * ROUND));
  const wanted = Number(text);
  const usable = Number.isInteger(wanted) && wanted > at && wanted <= steps;
  return (
    <form
      className="run-to"
      onSubmit={(event) => {
        event.preventDefault();
        if (!usable || !ready || restarts) return;
        setTyped(undefined);
        train({ type: "play", until: wanted });
      }}
    >
      <button
        disabled={!ready || !usable || restarts}
        title={restarts ? messages.run.stepRestarts : messages.run.runToTitle(at + 1, steps)}
      >
        {messages.run.runTo}
      </button>
      <input
        inputMode="numeric"
        aria-label={messages.run.runToStep}
        aria-invalid={!usable && steps > 0 && at < steps}
        title={messages.run.runToTitle(at + 1, steps)}
        value={text}
        onChange={(event) => setTyped(event.target.value)}
      />
    </form>
  );
}
