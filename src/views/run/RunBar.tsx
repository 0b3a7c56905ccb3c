import { validateDraft, nextTraining, pendingChanges, secondsLeft, type AppState } from "../../store";
import { duration } from "../format";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";
import { useActions, useApp } from "../use-app";
import { ProgressLine } from "./ProgressLine";
import { RunStrip } from "./RunStrip";
import { RunTo } from "./RunTo";
import { SaveExport } from "./SaveExport";
import { changesText } from "./training-text";

/** Play, pause, step, reset; where the run stands. */
export function RunBar() {
  return (
    <section className="run-bar" aria-label={messages.run.title}>
      <Buttons />
      <Standing />
      <SourceSwitch />
      <RunStrip />
      <ProgressLine />
    </section>
  );
}

function Buttons() {
  const { train, pause, reset, newSeed } = useActions();
  const status = useApp((state) => state.run.status);
  const awaiting = useApp((state) => state.run.awaiting);
  const next = useApp(nextTraining);
  const running = status === "running";
  const started = useApp((state) => state.run.step > 0);
  const resettable = ["paused", "finished", "running"].includes(status) || (status === "failed" && started);
  return (
    <div className="row">
      <button
        type="button"
        className="primary"
        onClick={running ? pause : () => train({ type: "play" })}
        disabled={running ? awaiting !== undefined : !next.usable}
      >
        <Icon name={running ? "pause" : "play"} />
        <PlayText />
      </button>
      <button
        type="button"
        title={next.restarts ? messages.run.stepRestarts : messages.run.stepTitle}
        onClick={() => train({ type: "step" })}
        disabled={running || !next.usable || next.restarts}
      >
        {messages.run.step}
      </button>
      <button
        type="button"
        title={messages.run.resetTitle}
        onClick={reset}
        disabled={!resettable || awaiting === "reset"}
      >
        {messages.run.reset}
      </button>
      <button
        type="button"
        title={messages.run.newSeedTitle}
        onClick={newSeed}
        disabled={!["ready", "paused", "finished", "failed"].includes(status)}
      >
        {messages.run.newSeed}
      </button>
      <RunTo />
      <SaveExport />
      <TakeToCluster />
    </div>
  );
}

/** The run that Play would train, which may be the loaded one or the form's. */
function TakeToCluster() {
  const { takeToCluster } = useActions();
  const trains = useApp((state) => nextTraining(state).trains);
  const loaded = useApp(({ run }) => run.config);
  const form = useApp(({ draft }) => validateDraft(draft).config);
  const config = (trains === "loaded" ? loaded : undefined) ?? form; // without WebGPU nothing is ever loaded
  return (
    <button
      type="button"
      title={messages.run.clusterTitle}
      onClick={() => config && takeToCluster(config)}
      disabled={!config}
    >
      {messages.run.cluster}
    </button>
  );
}

/** Never a bare "Play" where it would train something else than the form says. */
function PlayText() {
  const { run } = messages;
  const waits = useApp((state) => (state.run.afterLoad ? "play" : state.run.awaiting));
  const running = useApp((state) => state.run.status === "running");
  const next = useApp(nextTraining);
  const what = useApp((state) => changesText(pendingChanges(state)));
  const right = useApp(({ draft }) => validateDraft(draft).config !== undefined);
  if (waits === "pause") return run.pausing;
  if (waits === "play") return run.starting;
  if (running) return run.pause;
  if (next.trains === "loaded") return run.play;
  if (!right) return run.fixFirst;
  return next.restarts ? run.restartWith(what) : run.startWith(what);
}

function Icon({ name }: { readonly name: "play" | "pause" }) {
  return (
    <svg className="icon" viewBox="0 0 12 12" aria-hidden="true">
      <path d={name === "play" ? "M2.5 1v10l8-5z" : "M2.5 1.5h2.5v9H2.5zM7 1.5h2.5v9H7z"} />
    </svg>
  );
}

const standing = (state: AppState) => ({
  status: state.run.status,
  step: state.run.step,
  kept: state.keeping.current?.keptStep,
  steps: state.run.config?.steps,
  pace: state.run.stepsPerSecond,
  left: state.run.status === "running" ? secondsLeft(state) : undefined,
});

function Standing() {
  const { status, step, kept, steps, pace, left } = useApp(standing);
  return (
    <p className="standing" data-status={status} data-step={step} data-kept={kept}>
      <span role="status" className="status">
        {messages.run.status[status]}
      </span>
      {steps !== undefined && status !== "loading" && <span>{messages.run.stepOf(step, steps)}</span>}
      {pace !== undefined && <span className="muted">{messages.run.pace(pace)}</span>}
      {left !== undefined && <span className="muted">{messages.run.left(duration(left))}</span>}
    </p>
  );
}

function SourceSwitch() {
  const source = useApp((state) => state.source);
  const hasLive = useApp((state) => state.run.facts !== undefined);
  const { show } = useActions();
  const options = [
    { value: "recorded", text: messages.run.recorded },
    { value: "live", text: messages.run.live, disabled: !hasLive },
  ] as const;
  return <Segmented label={messages.run.showing} options={options} value={source} onChange={show} />;
}
