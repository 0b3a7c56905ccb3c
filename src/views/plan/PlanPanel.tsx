import { shownPlan, shownRecord, type AppState, type Layer } from "../../store";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { SourceTag } from "../shell/SourceTag";
import { useActions, useApp } from "../use-app";
import { EpsilonSlider } from "./EpsilonSlider";
import { Heatmap } from "./Heatmap";
import { Readouts } from "./Readouts";
import { StepScrubber } from "./StepScrubber";
import { TopFlows } from "./TopFlows";

const { plan: text } = messages;
const LAYERS: readonly Layer[] = ["embedding", "hidden"];

/** The plan of the probe sentence: which teacher tokens each student token's mass goes to. */
export function PlanPanel() {
  const step = useApp((state) => shownRecord(state)?.step);
  const aside = (
    <>
      <SourceTag />
      {step !== undefined && <span className="muted aside">{text.atStep(step)}</span>}
      <LayerTabs />
    </>
  );
  return (
    <Panel title={text.title} name="plan" aside={aside}>
      <Probe />
      <Body />
    </Panel>
  );
}

function LayerTabs() {
  const layer = useApp((state) => state.layer);
  const { chooseLayer } = useActions();
  const options = LAYERS.map((value) => ({ value, text: text.layers[value] }));
  return <Segmented label={text.layerLabel} options={options} value={layer} onChange={chooseLayer} />;
}

function Probe() {
  const probes = useApp((state) => (state.source === "live" ? state.run.facts?.probes : undefined));
  const chosen = useApp((state) => state.run.probe);
  const { probe } = useActions();
  if (!probes || probes.length === 0) return null;
  return (
    <div className="probe">
      <label htmlFor="probe">{text.probe}</label>
      <select id="probe" value={chosen} onChange={(event) => probe(Number(event.target.value))}>
        {probes.map((prompt, row) => (
          <option key={row} value={row}>
            {row}: {prompt}
          </option>
        ))}
      </select>
    </div>
  );
}

function Body() {
  const plan = useApp(shownPlan);
  const why = useApp(absence);
  if (!plan) return <p className="empty">{why}</p>;
  return (
    <>
      <Heatmap record={plan} />
      <StepScrubber />
      <EpsilonSlider />
      <Readouts record={plan} />
      <TopFlows record={plan} />
    </>
  );
}

function absence(state: AppState): string {
  if (state.source === "live") return state.run.config?.method.id === "sft" ? text.none : text.waiting;
  return state.recorded.kind === "failed" ? `${text.recordedFailed} ${state.recorded.detail}` : text.loading;
}
