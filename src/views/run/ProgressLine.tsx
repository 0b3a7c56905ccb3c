import type { AppState } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

/** The stage of loading that keeps what it has when it is stopped. */
const WRITING = "the teacher writes its answers";

const work = ({ run }: AppState) => {
  if (run.progress) return { ...run.progress, stage: run.progress.stage };
  return { stage: undefined, done: run.step, total: run.config?.steps ?? 0 };
};

/** One line for both: what is being prepared, and how far the run is; and the way to stop it, whatever it is at. */
export function ProgressLine() {
  const { stage, done, total } = useApp(work);
  const known = total > 0 && (stage === undefined || total !== done);
  const share = known ? Math.min(1, done / total) : 0;
  return (
    <div className="progress" data-busy={stage !== undefined}>
      <div className="progress-track" aria-hidden="true">
        <div style={{ transform: `scaleX(${share})` }} />
      </div>
      <p role="status">{stage !== undefined && messages.run.progress(stage, done, total)}</p>
      <Silence />
      <StopButton stage={stage} />
    </div>
  );
}

/** Busy without coming up for air, or hanging: nobody can tell from outside. */
function Silence() {
  const seconds = useApp(({ silence }) => silence);
  if (seconds === 0) return null;
  return (
    <p className="muted" data-silence={seconds}>
      {messages.run.silent(seconds)}
    </p>
  );
}

function StopButton({ stage }: { readonly stage: string | undefined }) {
  const { stop } = useActions();
  const loading = useApp(({ run }) => run.status === "loading" || run.awaiting === "load");
  const late = useApp(({ overdue, silence }) => overdue || silence > 0);
  const kept = useApp(({ keeping, run }) => (run.step > 0 ? keeping.current?.keptStep : undefined));
  if (loading)
    return (
      <button type="button" onClick={() => stop()}>
        {stage === WRITING ? messages.run.stopWriting : messages.run.stopLoading}
      </button>
    );
  if (!late) return null;
  return (
    <button type="button" title={messages.run.endNowTitle(kept)} onClick={() => stop(true)}>
      {messages.run.endNow}
    </button>
  );
}
