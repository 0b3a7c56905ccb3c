import { timeEstimate } from "../../store";
import { decimals, duration } from "../format";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

const { estimate: text } = messages;

/** How long the run will take, and from which steps that is known. */
export function TimeEstimate() {
  const estimate = useApp(timeEstimate);
  const status = useApp(({ run }) => run.status);
  const measuring = useApp(({ run }) => run.measuring);
  const { measurePace } = useActions();
  const still = status === "ready" || status === "paused";
  const known = estimate && (status !== "finished" || estimate.steps > 0);
  return (
    <div className="fact estimate" role="status">
      {known ? (
        <>
          <p>
            <b>{text.takes(duration(estimate.seconds))}</b>{" "}
            <span className="muted">{text.forSteps(estimate.steps)}</span>
          </p>
          <p className="muted">
            {text.pace(decimals(estimate.msPerStep, estimate.msPerStep < 100 ? 1 : 0))}{" "}
            {estimate.warmUpMs === undefined
              ? text.fromRun(estimate.measured)
              : text.fromTrialSteps(estimate.measured, decimals(estimate.warmUpMs, 0))}{" "}
            {text.without}
          </p>
        </>
      ) : (
        status === "running" && <p className="muted">{text.soon}</p>
      )}
      {!known && still && (
        <button type="button" className="quiet" disabled={measuring !== undefined} onClick={measurePace}>
          {measuring === "pace" ? text.measuring : text.measure}
        </button>
      )}
    </div>
  );
}
