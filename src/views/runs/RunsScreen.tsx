import { KEEP_LIMITS } from "../../store";
import { duration } from "../format";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useActions, useApp } from "../use-app";
import { RunCard } from "./RunCard";
import { KeptNews, useFreshList } from "./RunNotices";

const { kept: text } = messages;

/** Every run that is kept in this browser, and what can be done with it. */
export function RunsScreen() {
  const runs = useFreshList();
  const total = runs?.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  return (
    <div className="runs-page">
      <KeptNews />
      <Panel title={text.title} name="runs" aside={runs?.length ? text.room(runs.length, total) : undefined}>
        <p className="muted runs-limits">
          {text.limits(KEEP_LIMITS.runs, KEEP_LIMITS.bytes, KEEP_LIMITS.days)} <Every />
        </p>
        {runs === undefined && <p className="empty">{text.reading}</p>}
        {runs?.length === 0 && <p className="empty">{text.none}</p>}
        <ul className="model-list">
          {runs?.map((run) => (
            <RunCard key={run.id} run={run} />
          ))}
        </ul>
        <Lost />
      </Panel>
    </div>
  );
}

function Every() {
  const here = useApp(({ keeping }) => keeping.current !== undefined);
  const everyMs = useApp(({ keeping }) => keeping.everyMs);
  return here ? text.everyNow(duration(everyMs / 1000)) : null;
}

function Lost() {
  const lost = useApp(({ keeping }) => keeping.lost);
  const { kept } = useActions();
  if (lost.length === 0) return null;
  const size = lost.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <p className="row">
      <span className="issue">{text.lost(lost.length, size)}</span>
      <button type="button" className="quiet" onClick={() => void kept.removeLost()}>
        {text.removeLost}
      </button>
    </p>
  );
}
