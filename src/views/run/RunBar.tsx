import { canPlay, secondsLeft, type AppState, type LiveRun } from "../../store";
import { duration } from "../format";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";
import { useActions, useApp } from "../use-app";
import { RunTo } from "./RunTo";
import { SaveExport } from "./SaveExport";

/** Play, pause, step, reset; where the run stands. */
export function RunBar() {
  return (
    <section className="run-bar" aria-label={messages.run.title}>
      <Buttons />
      <Standing />
      <SourceSwitch />
      <ProgressLine />
    </section>
  );
}

function Buttons() {
  const { play, pause, step, reset, newSeed } = useActions();
  const status = useApp((state) => state.run.status);
  const awaiting = useApp((state) => state.run.awaiting);
  const ready = useApp(canPlay);
  const running = status === "running";
  const started = useApp((state) => state.run.step > 0);
  const resettable = ["paused", "finished", "running"].includes(status) || (status === "failed" && started);
  return (
    <div className="row">
      <button
        type="button"
        className="primary"
        onClick={running ? pause : play}
        disabled={(!running && !ready) || awaiting !== undefined}
      >
        <Icon name={running ? "pause" : "play"} />
        {playText(running, awaiting)}
      </button>
      <button
        type="button"
        title={messages.run.stepTitle}
        onClick={step}
        disabled={!ready || awaiting !== undefined}
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
    </div>
  );
}

function playText(running: boolean, awaiting: LiveRun["awaiting"]): string {
  if (awaiting === "pause") return messages.run.pausing;
  if (awaiting === "play") return messages.run.starting;
  return running ? messages.run.pause : messages.run.play;
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
  steps: state.run.config?.steps,
  pace: state.run.stepsPerSecond,
  left: state.run.status === "running" ? secondsLeft(state) : undefined,
});

function Standing() {
  const { status, step, steps, pace, left } = useApp(standing);
  return (
    <p className="standing" data-status={status} data-step={step}>
      <span role="status" className="status">
        {messages.run.status[status]}
      </span>
      {steps !== undefined && <span>{messages.run.stepOf(step, steps)}</span>}
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

/** The one stage of loading that can be long and can be stopped. */
const WRITING = "the teacher writes its answers";

const work = ({ run }: AppState) => {
  if (run.progress) return { ...run.progress, stage: run.progress.stage };
  return { stage: undefined, done: run.step, total: run.config?.steps ?? 0 };
};

/** One line for both: what is being prepared, and how far the run is. */
function ProgressLine() {
  const { stage, done, total } = useApp(work);
  const { pause } = useActions();
  const writing = useApp((state) => state.run.status === "loading") && stage === WRITING;
  const known = total > 0 && (stage === undefined || total !== done);
  const share = known ? Math.min(1, done / total) : 0;
  return (
    <div className="progress" data-busy={stage !== undefined}>
      <div className="progress-track" aria-hidden="true">
        <div style={{ transform: `scaleX(${share})` }} />
      </div>
      <p role="status">{stage !== undefined && messages.run.progress(stage, done, total)}</p>
      {writing && (
        <button type="button" onClick={pause}>
          {messages.run.stopWriting}
        </button>
      )}
    </div>
  );
}
