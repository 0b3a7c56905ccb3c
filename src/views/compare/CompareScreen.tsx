import { useStore } from "zustand";
import { PRESETS } from "../../config/presets";
import { summarize, type ComparedRun } from "../../store";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useApp, useAppParts } from "../use-app";
import { BudgetForm } from "./BudgetForm";
import { CurvesPanel } from "./Curves";
import { Differences } from "./Differences";
import { SideBySide } from "./SideBySide";
import { SummaryTable } from "./SummaryTable";

const { compare: text } = messages;

/** Methods side by side: the same rows, seeds and steps for each. */
export function CompareScreen() {
  const { comparison } = useAppParts();
  const { runs } = useStore(comparison.store);
  return (
    <div className="compare">
      <div className="rail">
        <Panel title={text.budget} name="budget">
          <BudgetForm />
        </Panel>
        <Panel title={text.runs} name="runs">
          <RunList runs={runs} />
        </Panel>
      </div>
      <div className="compare-results">
        <Panel title={text.table} name="table">
          {runs.length > 0 ? (
            <SummaryTable summaries={summarize(runs)} />
          ) : (
            <p className="empty">{text.empty}</p>
          )}
        </Panel>
        <CurvesPanel runs={runs} />
        <SideBySide runs={runs} />
        <Panel title={text.differences} name="differences">
          <Differences />
        </Panel>
      </div>
    </div>
  );
}

function RunList({ runs }: { readonly runs: readonly ComparedRun[] }) {
  const step = useApp(({ run }) => run.step);
  if (runs.length === 0) return <p className="empty">{text.empty}</p>;
  return (
    <ol className="run-list">
      {runs.map((run) => (
        <li key={`${run.preset} ${run.seed}`} data-status={run.status}>
          <b>{PRESETS[run.preset].title}</b> <span className="muted">{text.seed(run.seed)}</span>{" "}
          <span role="status">
            {text.status[run.status]}
            {run.status === "running" && ` · ${text.at(step)}`}
          </span>
          {run.failure && <p className="issue">{run.failure}</p>}
        </li>
      ))}
    </ol>
  );
}
