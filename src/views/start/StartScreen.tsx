import { useState } from "react";
import { planOfRecord, shownPlan } from "../../store";
import { createPointer } from "../figure/pointer";
import { PlanFigure } from "../figure/PlanFigure";
import { messages } from "../messages";
import { RunFigure } from "../plan/RunFigure";
import { namesOf } from "../plan/site-name";
import { useRecordedRun } from "../runs/use-recorded";
import { Panel } from "../shell/Panel";
import { SourceTag } from "../shell/SourceTag";
import { useApp } from "../use-app";
import { Formula } from "./Formula";
import { StartActions } from "./StartActions";

const { start: text } = messages;

/** The first five seconds: a plan that is alive, the loss that it is part of, and three ways on. */
export function StartScreen() {
  useRecordedRun();
  const record = useApp(shownPlan);
  const [pointer] = useState(createPointer);
  const failed = useApp(({ recorded }) => (recorded.kind === "failed" ? recorded.detail : undefined));
  const waiting = failed === undefined ? messages.plan.loading : `${messages.plan.recordedFailed} ${failed}`;
  return (
    <div className="start">
      <div className="start-head">
        <div>
          <h2>{text.headline}</h2>
          <p>{text.lead}</p>
        </div>
        <StartActions />
      </div>
      <Panel title={text.ribbons} name="ribbons" aside={<SourceTag />}>
        {record ? (
          <PlanFigure
            id="ribbons"
            {...namesOf(record)}
            plan={planOfRecord(record)}
            pointer={pointer}
            view={{ form: "ribbons", matrix: "plan", scale: "sqrt" }}
          />
        ) : (
          <p className="empty">{waiting}</p>
        )}
      </Panel>
      <div className="start-below">
        <Panel title={text.matrix} name="plan">
          {record ? <RunFigure record={record} pointer={pointer} /> : <p className="empty">{waiting}</p>}
        </Panel>
        <Panel title={text.formula} name="formula">
          <Formula />
        </Panel>
      </div>
    </div>
  );
}
