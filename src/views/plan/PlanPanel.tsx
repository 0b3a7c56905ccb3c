import {
  VIEW_PAIRS,
  shownLayer,
  shownPlan,
  shownRecord,
  shownSites,
  siteOf,
  siteParts,
  type AppState,
} from "../../store";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { SourceTag } from "../shell/SourceTag";
import { useActions, useApp } from "../use-app";
import { RunFigure } from "./RunFigure";
import { layerName } from "./site-name";

const { plan: text } = messages;

/** The plan of the probe sentence: which teacher tokens each student token's mass goes to. */
export function PlanPanel() {
  const step = useApp((state) => shownRecord(state)?.step);
  const aside = (
    <>
      <SourceTag />
      {step !== undefined && <span className="muted aside">{text.atStep(step)}</span>}
      <SiteTabs />
    </>
  );
  return (
    <Panel title={text.title} name="plan" aside={aside}>
      <Probe />
      <Body />
    </Panel>
  );
}

/** The layers that the run transports, and for each the views that it pairs. */
function SiteTabs() {
  const sites = useApp(shownSites);
  const chosen = siteParts(useApp(shownLayer));
  const { chooseLayer } = useActions();
  if (sites.length < 2) return null;
  const layers = [...new Set(sites.map((site) => siteParts(site).layer))];
  const pairings = VIEW_PAIRS.filter((pairing) => sites.includes(siteOf(chosen.layer, pairing)));
  const choose = (layer: string, pairing: (typeof VIEW_PAIRS)[number]) => {
    const wanted = siteOf(layer, pairing);
    chooseLayer(sites.includes(wanted) ? wanted : layer);
  };
  return (
    <>
      {pairings.length > 1 && (
        <Segmented
          label={text.pairingLabel}
          options={pairings.map((value) => ({ value, text: text.pairings[value] }))}
          value={chosen.pairing}
          onChange={(pairing) => choose(chosen.layer, pairing)}
        />
      )}
      <Segmented
        label={text.layerLabel}
        options={layers.map((value) => ({ value, text: layerName(value) }))}
        value={chosen.layer}
        onChange={(layer) => choose(layer, chosen.pairing)}
      />
    </>
  );
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
  return plan ? <RunFigure record={plan} /> : <p className="empty">{why}</p>;
}

function absence(state: AppState): string {
  if (state.source === "live") return state.run.config?.method.id === "sft" ? text.none : text.waiting;
  return state.recorded.kind === "failed" ? `${text.recordedFailed} ${state.recorded.detail}` : text.loading;
}
