import { BUNDLED_BYTES } from "../../config/bundled";
import { validateDraft, nextTraining, timeEstimate, type AppState } from "../../store";
import { bytes, duration } from "../format";
import { messages } from "../messages";
import { hashOf, routeOf } from "../routes";
import { EXAMPLES } from "../transport/examples";
import { useApp, useAppParts, type PageApp } from "../use-app";

const { start: text } = messages;

/** Three ways on, each with what it costs. */
export function StartActions() {
  const page = useAppParts();
  const steps = useApp(({ draft, run }) => (validateDraft(draft).config ?? run.config)?.steps ?? 0);
  const begun = useApp(({ run }) => run.step > 0);
  const noGpu = useApp(({ device }) => device.kind === "none");
  const note = useApp(costText);
  return (
    <div className="start-actions">
      <div>
        <button type="button" className="primary" disabled={noGpu} onClick={() => trainNow(page)}>
          ▶ {begun ? text.goOn : text.train(steps)}
        </button>
        <p className="muted">
          {noGpu ? (
            <>
              {text.trainNote.needsGpu} <a href={hashOf("device", "")}>{text.trainNote.why}</a>
            </>
          ) : (
            note
          )}
        </p>
      </div>
      <div>
        <a className="button" href="#/learn/tokenizers">
          {text.tour}
        </a>
        <p className="muted">{text.tourNote}</p>
      </div>
      <div>
        <a className="button" href={hashOf("transport", OWN_TEXT)}>
          {text.own}
        </a>
        <p className="muted">{text.ownNote}</p>
      </div>
      <p className="start-more">
        {text.more}: <a href={hashOf("models", "")}>{text.moreModels}</a>,{" "}
        <a href={hashOf("data", "")}>{text.moreData}</a>.
      </p>
    </div>
  );
}

const OWN_TEXT = `v=1&text.from=own&text.text=${encodeURIComponent(EXAMPLES[0] ?? "?")}&drop=text.row+text.student+text.teacher`;

/** Time, GPU memory and download, as far as each is known. */
function costText(state: AppState): string {
  const { run, draft, recorded } = state;
  const estimate = timeEstimate(state);
  const config = run.config ?? validateDraft(draft).config;
  const models = (BUNDLED_BYTES[config?.teacher ?? ""] ?? 0) + (BUNDLED_BYTES[config?.student ?? ""] ?? 0);
  const { trainNote } = text;
  const past = recorded.kind === "ready" ? recorded.run : undefined;
  const taken = past?.steps ?? [];
  const msPerStep = taken.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, taken.length);
  const seconds = (msPerStep * (config?.steps ?? 0)) / 1000;
  const time = estimate
    ? trainNote.measured(duration(estimate.seconds))
    : past && trainNote.recorded(duration(seconds), past.adapter);
  const total = run.facts?.plan?.total;
  return [
    time,
    total !== undefined && trainNote.gpu(bytes(total)),
    models > 0 && trainNote.models(bytes(models)),
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The run plays as soon as it is loaded; a run that has begun is only shown. */
function trainNow({ store, actions }: PageApp): void {
  location.hash = hashOf("distill", "");
  if (store.getState().run.step > 0) return;
  const train = () => actions.train({ type: "play" });
  if (nextTraining(store.getState()).usable) return train();
  const stop = store.subscribe((state) => {
    const elsewhere = routeOf(location.hash) !== "distill"; // who has gone on does not want it any more
    if (elsewhere || state.run.status === "failed" || state.problem) return stop();
    if (!nextTraining(state).usable) return;
    stop();
    train();
  });
}
