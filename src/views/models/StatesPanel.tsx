import { bytes } from "../format";
import { messages } from "../messages";
import { useLibrary, useLibraryState } from "../use-app";
import { modelTitle } from "./model-title";

const { models: text } = messages;
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

/** Teachers' states of earlier runs: how much there is of them, and the way out. */
export function StatesPanel() {
  const states = useLibraryState((state) => state.states);
  const { removeStates } = useLibrary();
  if (!states) return null;
  return (
    <>
      <h3>{text.states}</h3>
      <p className="muted">{text.statesNote(bytes(states.maxBytes))}</p>
      {states.sets.length === 0 ? (
        <p className="empty">{text.noStates}</p>
      ) : (
        <>
          <ul className="model-list">
            {states.sets.map(({ key, teacher, taps, bytes: size, lastUsed }) => (
              <li key={key} className="model-card">
                <p>
                  <b>{teacher === undefined ? text.unnamed : modelTitle(teacher)}</b>{" "}
                  <span className="muted">
                    {text.statesOf(bytes(size), taps.length)}
                    {lastUsed > 0 && `, ${text.lastUsed(day.format(lastUsed))}`}
                  </span>
                </p>
                <button type="button" className="quiet" onClick={() => removeStates(key)}>
                  {text.delete}
                </button>
              </li>
            ))}
          </ul>
          <button type="button" onClick={() => removeStates()}>
            {text.deleteStates}
          </button>
        </>
      )}
    </>
  );
}
