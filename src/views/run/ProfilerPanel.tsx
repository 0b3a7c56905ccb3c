import type { StepProfile } from "../../telemetry";
import { csv, download } from "../download";
import { decimals, percent } from "../format";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useActions, useApp } from "../use-app";

const { profiler: text } = messages;

/** Where a training step's time goes, when someone asks. */
export function ProfilerPanel() {
  const profile = useApp(({ run }) => run.profile);
  const measuring = useApp(({ run }) => run.measuring);
  const usable = useApp(({ run }) => ["ready", "running", "paused", "finished"].includes(run.status));
  const ask = useActions().profile;
  const aside = (
    <button type="button" disabled={!usable || measuring !== undefined} onClick={ask}>
      {measuring === "profile" ? text.measuring : text.ask}
    </button>
  );
  return (
    <Panel title={text.title} name="profiler" aside={aside}>
      {profile ? <Profile profile={profile} /> : <p className="empty">{text.empty}</p>}
    </Panel>
  );
}

const ms = (value: number): string => `${decimals(value, value < 10 ? 2 : 1)} ms`;
const stageName = (stage: string): string => text.stages[stage] ?? stage;

function Profile({ profile }: { readonly profile: StepProfile }) {
  const { stages, stepMs, teacherMs, step, how, kernels } = profile;
  const total = stages.reduce((sum, stage) => sum + stage.ms, 0);
  return (
    <>
      <div className="stage-bar" aria-hidden="true">
        {stages.map(({ stage, ms: spent }, i) => (
          <span key={stage} data-stage={i % 4} style={{ width: `${(100 * spent) / total}%` }} />
        ))}
      </div>
      <table className="profile-table">
        <caption className="unseen">{text.stagesCaption}</caption>
        <tbody>
          {stages.map(({ stage, ms: spent }, i) => (
            <tr key={stage}>
              <th scope="row">
                <span className="stage-mark" data-stage={i % 4} aria-hidden="true" /> {stageName(stage)}
              </th>
              <td>{ms(spent)}</td>
              <td>{percent(spent / total, 1)}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">
              <span className="id-teacher">{text.teacher}</span> <span className="muted">{text.beside}</span>
            </th>
            <td>{ms(teacherMs)}</td>
            <td />
          </tr>
        </tbody>
      </table>
      <p className="hint">
        {text.whole(step, ms(stepMs))} {text.how[how]}
      </p>
      {kernels.length > 0 && <Kernels profile={profile} />}
      <div className="row">
        <button type="button" className="quiet" onClick={() => save(profile)}>
          {text.save}
        </button>
      </div>
    </>
  );
}

function Kernels({ profile: { kernels } }: { readonly profile: StepProfile }) {
  return (
    <details>
      <summary>{text.kernels(kernels.length)}</summary>
      <div className="scroll-x" tabIndex={0} role="region" aria-label={text.kernels(kernels.length)}>
        <table className="profile-table">
          <thead>
            <tr>
              <th scope="col">{text.kernel}</th>
              <th scope="col">{text.dispatches}</th>
              <th scope="col">ms</th>
              <th scope="col">{text.share}</th>
              <th scope="col">GFLOP/s</th>
              <th scope="col">GB/s</th>
            </tr>
          </thead>
          <tbody>
            {kernels.map((kernel) => (
              <tr key={kernel.label}>
                <th scope="row" className="mono">
                  {kernel.label}
                </th>
                <td>{kernel.dispatches}</td>
                <td>{decimals(kernel.ms, 3)}</td>
                <td>{percent(kernel.share, 1)}</td>
                <td>{rate(kernel.gflops)}</td>
                <td>{rate(kernel.gbytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** A kernel below the clock's resolution has no rate, one without declared arithmetic no GFLOP/s. */
const rate = (value: number | undefined): string =>
  value !== undefined && Number.isFinite(value) ? decimals(value, 2) : "–";

function save({ step, how, stepMs, teacherMs, stages, kernels }: StepProfile): void {
  const rows = [
    ["kind", "name", "ms", "share", "dispatches", "GFLOP/s", "GB/s"],
    ["step", `step ${step}, ${how}`, stepMs, "", "", "", ""],
    ["stage", "teacher, beside", teacherMs, "", "", "", ""],
    ...stages.map(({ stage, ms: spent }) => ["stage", stage, spent, "", "", "", ""]),
    ...kernels.map((k) => ["kernel", k.label, k.ms, k.share, k.dispatches, k.gflops ?? "", k.gbytes]),
  ];
  download(`couplet-profile-step-${step}.csv`, new Blob([csv(rows)], { type: "text/csv" }));
}
