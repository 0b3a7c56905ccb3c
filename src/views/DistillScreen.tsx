import { AnswersPanel } from "./answers/AnswersPanel";
import { LossPanel } from "./charts/LossPanel";
import { AccuracyPanel, GradientPanel } from "./charts/RatePanels";
import { messages } from "./messages";
import { PlanPanel } from "./plan/PlanPanel";
import { LogPanel } from "./run/LogPanel";
import { ProfilerPanel } from "./run/ProfilerPanel";
import { RunBar } from "./run/RunBar";
import { Settings } from "./run/Settings";
import { RolloutPanel } from "./rollout/RolloutPanel";
import { useApp } from "./use-app";

/** One run: its controls, its plan, its losses and what the student says. */
export function DistillScreen() {
  return (
    <>
      <RunBar />
      <div className="distill">
        <Settings />
        <div className="distill-main">
          <PlanPanel />
          <div className="charts">
            <LossPanel />
            <div className="charts-small">
              <AccuracyPanel />
              <GradientPanel />
            </div>
          </div>
          <RolloutPanel />
          <AnswersPanel />
          <ProfilerPanel />
          <LogPanel />
        </div>
      </div>
      <Origin />
    </>
  );
}

/** Where the recorded numbers come from. */
function Origin() {
  const origin = useApp(({ source, recorded }) =>
    source === "recorded" && recorded.kind === "ready"
      ? messages.recordedFrom(recorded.run.title, recorded.run.adapter)
      : "",
  );
  return origin ? <p className="origin muted">{origin}</p> : null;
}
