import { useMemo, useState } from "react";
import { largestMass, shownPlan } from "../../store";
import { messages } from "../messages";
import { EpsilonSlider } from "../plan/EpsilonSlider";
import { Heatmap } from "../plan/Heatmap";
import type { Cell } from "../plan/heatmap-layout";
import { Readouts } from "../plan/Readouts";
import { StepScrubber } from "../plan/StepScrubber";
import { TopFlows } from "../plan/TopFlows";
import { useRecordedRun } from "../runs/use-recorded";
import { Panel } from "../shell/Panel";
import { SourceTag } from "../shell/SourceTag";
import { useApp } from "../use-app";
import { Formula } from "./Formula";
import { Ribbons } from "./Ribbons";
import { StartActions } from "./StartActions";

const { start: text } = messages;

/** The first five seconds: a plan that is alive, the loss that it is part of, and three ways on. */
export function StartScreen() {
  useRecordedRun();
  const plan = useApp(shownPlan);
  // Both pictures are of the same pairs: what is pointed at in one is lit in the other.
  const [cell, setCell] = useState<Cell>();
  const largest = useMemo(() => (plan ? largestMass(plan) : 0), [plan]);
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
        {plan ? <Ribbons record={plan} cell={cell} setCell={setCell} /> : <p className="empty">{waiting}</p>}
        <StepScrubber />
        <EpsilonSlider />
      </Panel>
      <div className="start-below">
        <Panel title={text.matrix} name="plan">
          {plan ? (
            <Heatmap id="plan-map" record={plan} shared={{ cell, setCell, largest }} />
          ) : (
            <p className="empty">{waiting}</p>
          )}
        </Panel>
        <Panel title={text.formula} name="formula">
          <Formula />
          {plan && <Readouts record={plan} />}
          {plan && <TopFlows record={plan} />}
        </Panel>
      </div>
    </div>
  );
}
