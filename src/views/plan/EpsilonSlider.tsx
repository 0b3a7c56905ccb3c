import { useId } from "react";
import { relativeEpsilon, shownRecord } from "../../store";
import { significant } from "../format";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

const { plan: text } = messages;
/** The slider's range in powers of ten. */
const MIN_LOG = -3;
const MAX_LOG = 1;
const TICKS = [-3, -2, -1, 0, 1];

/** Solves the shown plan again, on the CPU, as it moves. */
export function EpsilonSlider() {
  const id = useId();
  const exploration = useApp((state) => state.exploration);
  const ofRun = useApp((state) => {
    const record = shownRecord(state);
    return record && relativeEpsilon(record);
  });
  const { explore } = useActions();
  if (ofRun === undefined) return null;
  const epsilon = exploration?.epsilon ?? ofRun;
  return (
    <div className="epsilon">
      <label htmlFor={id} aria-label={text.epsilonLabel}>
        {text.epsilon}
      </label>
      <div className="epsilon-track">
        <input
          id={id}
          type="range"
          min={MIN_LOG}
          max={MAX_LOG}
          step={0.02}
          value={Math.log10(epsilon)}
          aria-valuetext={text.epsilonValue(significant(epsilon))}
          onChange={(event) => explore(10 ** Number(event.target.value))}
        />
        <ol aria-hidden="true">
          {TICKS.map((tick) => (
            <li key={tick} style={{ left: `${((tick - MIN_LOG) / (MAX_LOG - MIN_LOG)) * 100}%` }}>
              {10 ** tick}
            </li>
          ))}
        </ol>
      </div>
      <output htmlFor={id}>{text.epsilonValue(significant(epsilon))}</output>
      <p className="epsilon-note">
        {exploration ? (
          <>
            <span className={exploration.error ? "issue" : "muted"}>
              {exploration.error ?? text.resolved}
            </span>
            <button type="button" className="quiet" onClick={() => explore(undefined)}>
              {text.back}
            </button>
          </>
        ) : (
          <span className="muted">{text.asRun}</span>
        )}
      </p>
    </div>
  );
}
