import { useEffect, useState } from "react";
import { useStore } from "zustand";
import { labelsText } from "../../config/labels";
import { PRESETS } from "../../config/presets";
import { labelsOf, summarize, type ComparedRun } from "../../store";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useActions, useAppParts } from "../use-app";
import { BudgetForm } from "./BudgetForm";
import { CurvesPanel } from "./Curves";
import { Differences } from "./Differences";
import { SideBySide } from "./SideBySide";
import { SummaryTable } from "./SummaryTable";

const { compare: text } = messages;

/** Methods side by side: the same rows, seeds and steps for each. */
export function CompareScreen() {
  const { comparison } = useAppParts();
  const { budget, runs, running, keepIssue, unreadable } = useStore(comparison.store);
  const said = labelsText(labelsOf(budget));
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && void comparison.open();
    look();
    document.addEventListener("visibilitychange", look); // another tab may have finished some
    return () => document.removeEventListener("visibilitychange", look);
  }, [comparison]);
  return (
    <div className="compare">
      <div className="rail">
        <Panel title={text.budget} name="budget">
          <BudgetForm />
        </Panel>
        <Panel title={text.runs} name="runs">
          <RunList runs={runs} />
          <Finished />
          {running && <p className="hint">{text.leaving}</p>}
          {unreadable > 0 && <p className="issue">{text.unreadable(unreadable)}</p>}
          {keepIssue && <p className="issue">{text.notKept(keepIssue)}</p>}
        </Panel>
      </div>
      <div className="compare-results">
        <Panel title={text.table} name="table">
          {runs.length > 0 ? (
            <SummaryTable summaries={summarize(runs)} said={said} />
          ) : (
            <p className="empty">{text.empty}</p>
          )}
        </Panel>
        <CurvesPanel runs={runs} said={said} />
        <SideBySide runs={runs} />
        <Panel title={text.differences} name="differences">
          <Differences />
        </Panel>
      </div>
    </div>
  );
}

function RunList({ runs }: { readonly runs: readonly ComparedRun[] }) {
  const { takeToCluster } = useActions();
  if (runs.length === 0) return <p className="empty">{text.empty}</p>;
  return (
    <ol className="run-list">
      {runs.map((run) => (
        <li key={`${run.preset} ${run.seed}`} data-status={run.status}>
          <b>{PRESETS[run.preset].title}</b> <span className="muted">{text.seed(run.seed)}</span>{" "}
          <span role="status">
            {text.status[run.status]}
            {run.status === "running" && ` · ${text.at(run.loss.length, run.config.steps)}`}
          </span>
          <button
            type="button"
            className="quiet"
            title={messages.run.clusterTitle}
            onClick={() => takeToCluster(run.config)}
          >
            {messages.run.cluster}
          </button>
          {run.failure && <p className="issue">{run.failure}</p>}
        </li>
      ))}
    </ol>
  );
}

/** Results that the present choice does not show, and the way to be rid of all of them. */
function Finished() {
  const { comparison } = useAppParts();
  const { runs, finished, running } = useStore(comparison.store);
  const [sure, setSure] = useState(false);
  const others = finished.filter(
    ({ key, preset }) => !runs.some((r) => r.key === key && r.preset === preset),
  );
  const last = finished.at(-1);
  if (!last || running) return null;
  return (
    <div className="finished-runs">
      {others.length > 0 && (
        <p className="hint">
          {text.others(others.length)}{" "}
          {others.includes(last) && (
            <button type="button" className="quiet" onClick={comparison.showFinished}>
              {text.showOthers(last.budget.steps, last.budget.batchSize)}
            </button>
          )}
        </p>
      )}
      <p className="row">
        {sure ? (
          <>
            <span>{text.clearSure(finished.length)}</span>
            <button
              type="button"
              onClick={() => {
                setSure(false);
                comparison.clear();
              }}
            >
              {text.clearYes}
            </button>
            <button type="button" className="quiet" onClick={() => setSure(false)}>
              {text.clearNo}
            </button>
          </>
        ) : (
          <button type="button" className="quiet" onClick={() => setSure(true)}>
            {text.clear}
          </button>
        )}
      </p>
    </div>
  );
}
