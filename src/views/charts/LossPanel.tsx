import { useCallback, useMemo, useState } from "react";
import { labelsText } from "../../config/labels";
import type { RunHistory } from "../../store";
import { nextTraining, shownStep, type AppState } from "../../store";
import { significant } from "../format";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { SourceTag } from "../shell/SourceTag";
import type { Palette } from "../../figure";
import { useApp } from "../use-app";
import { Chart } from "./Chart";
import { lossColumns, lossFigure, lossLegend, lossSpec, TOTAL } from "./loss-lines";
import { useLegend } from "./Legend";
import { useHistory, useIsEmpty, useTerms } from "./use-history";

type Scale = "stacked" | "log";
const SCALES = [
  { value: "stacked", text: messages.losses.stacked },
  { value: "log", text: messages.losses.log },
] as const;

/** The weighted terms of the loss, which add up to the total line. */
export function LossPanel() {
  const [scale, setScale] = useState<Scale>("stacked");
  const aside = (
    <>
      <SourceTag />
      <Segmented label={messages.losses.scaleLabel} options={SCALES} value={scale} onChange={setScale} />
    </>
  );
  return (
    <Panel title={messages.losses.title} name="losses" aside={aside}>
      <LossChart stacked={scale === "stacked"} />
    </Panel>
  );
}

function LossChart({ stacked }: { readonly stacked: boolean }) {
  const history = useHistory();
  const terms = useTerms(history);
  const empty = useIsEmpty(history);
  const last = useApp((state) => shownStep(state)?.loss);
  const why = useApp(emptyText);
  const said = useApp(({ run }) =>
    run.config && run.config.data.labels !== "all" ? labelsText(run.config.data.labels) : "",
  );
  const [legend, write] = useLegend(useMemo(() => lossLegend(terms), [terms]));
  const spec = useCallback((palette: Palette) => lossSpec(terms, stacked, palette), [terms, stacked]);
  const columns = useCallback((source: RunHistory) => lossColumns(source, stacked), [stacked]);
  const onIndex = useCallback(
    (index: number | undefined) => {
      const at = index ?? history.length - 1;
      const read = (column: Float64Array) => (at < 0 ? "–" : significant(column[at] ?? Number.NaN));
      const values = history.terms.map((term) => [term, read(history.term(term))] as const);
      write({ [TOTAL]: read(history.column("loss")), ...Object.fromEntries(values) });
    },
    [history, write],
  );
  const figure = (source: RunHistory, palette: Palette) => lossFigure(source, stacked, palette, said);
  const label = messages.losses.chart(history.length, last === undefined ? "–" : significant(last));
  return (
    <>
      {said !== "" && <p className="said">{said}</p>}
      {legend}
      <Chart
        key={terms.join()}
        title={messages.losses.title}
        label={label}
        history={history}
        spec={spec}
        columns={columns}
        onIndex={onIndex}
        figure={figure}
      />
      {empty && <p className="empty">{why}</p>}
    </>
  );
}

/** Why there is no curve, and what to do where something can be done. */
function emptyText(state: AppState): string {
  const { losses } = messages;
  if (state.device.kind === "none") return losses.emptyNoGpu;
  if (state.run.status === "loading" || state.run.awaiting === "load") return losses.emptyLoading;
  const { trains, usable } = nextTraining(state);
  return trains === "loaded" && usable ? losses.empty : losses.emptyWaiting;
}
