import { useEffect } from "react";
import { isBlank, type ScreenSolution } from "../../store";
import { decimals } from "../format";
import { messages } from "../messages";
import { Flows } from "../figure/Flows";
import { screenPointer } from "../figure/pointer";
import { Readouts } from "../figure/Readouts";
import { Selected } from "../figure/Selected";
import { Panel } from "../shell/Panel";
import { useTransportScreen, useTransportState } from "../use-app";
import { Agreement } from "./Agreement";
import { SolvedFigure } from "./SolvedFigure";
import { SettingsPanel } from "./SettingsPanel";
import { TextPanel } from "./TextPanel";
import { useShown } from "./use-shown";

const { transport: text } = messages;

/** Two tokenizations of a text and the transport between them; no training, no GPU. */
export function TransportScreen() {
  const transportScreen = useTransportScreen();
  useEffect(() => transportScreen.open(), [transportScreen]);
  return (
    <div className="transport">
      <div className="rail">
        <TextPanel />
        <SettingsPanel />
      </div>
      <div className="transport-stage">
        <LinkIssues />
        <StagePanel />
      </div>
      <div className="transport-side">
        <Side />
      </div>
    </div>
  );
}

function StagePanel() {
  const shown = useShown();
  const lines = useTransportState((state) => state.lines);
  const failed = useTransportState((state) => state.failed);
  const blank = useTransportState(({ view }) => isBlank(view));
  const aside = (
    <>
      {lines && (
        <span className="muted aside">
          {text.tokensStat(lines.student.ids.length, lines.teacher.ids.length)}
        </span>
      )}
      <Busy />
    </>
  );
  return (
    <Panel title={messages.plan.title} name="stage" aside={aside}>
      {failed && (
        <p className="issue" role="alert">
          {text.failed}: {failed}
        </p>
      )}
      {shown ? <SolvedFigure shown={shown} /> : <p className="empty">{blank ? text.blank : text.loading}</p>}
    </Panel>
  );
}

/** What is shown while the models are still on their way. */
function Busy() {
  const stage = useTransportState((state) => state.stage);
  const interim = useTransportState(
    ({ solved, view }) => solved !== undefined && solved.features !== view.features,
  );
  return (
    <>
      {interim && <span className="tag">{text.interim}</span>}
      <span className="muted aside" role="status">
        {stage && (text.stages[stage] ?? stage)}
      </span>
    </>
  );
}

function Side() {
  const pointer = screenPointer(useTransportScreen());
  const shown = useShown();
  if (!shown) return null;
  const { plan, solved } = shown;
  return (
    <>
      <Panel title={text.readouts} name="readouts">
        <Readouts plan={plan} />
        <SolvedLine solution={solved.solution} />
      </Panel>
      <Panel title={text.selected} name="selected">
        <Selected plan={plan} gradient={solved.solution.gradient} pointer={pointer} />
      </Panel>
      <Panel title={text.agreement} name="agreement">
        <Agreement shown={shown} />
      </Panel>
      <Panel title={text.flows} name="top-flows">
        <Flows plan={plan} pointer={pointer} />
      </Panel>
    </>
  );
}

/** Which solver it was, and why not the other. */
function SolvedLine({ solution: { ms, by } }: { readonly solution: ScreenSolution }) {
  const why = by.device === "cpu" ? text.whyCpu[by.why](by.detail) : "";
  return (
    <p className="fact" data-solved-by={by.device}>
      {text.solvedBy(decimals(ms, 1), by)}
      {why && `: ${why}`}
    </p>
  );
}

function LinkIssues() {
  const { dismissIssues } = useTransportScreen();
  const issues = useTransportState((state) => state.issues);
  if (issues.length === 0) return null;
  return (
    <div className="notice notice-bad" role="alert">
      <h2>{text.linkIssues}</h2>
      <ul>
        {issues.map((issue) => (
          <li key={issue}>{issue}</li>
        ))}
      </ul>
      <button type="button" className="quiet" onClick={dismissIssues}>
        {messages.problem.dismiss}
      </button>
    </div>
  );
}
