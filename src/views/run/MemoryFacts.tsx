import type { MemoryPlan } from "../../telemetry";
import { bytes } from "../format";
import { messages } from "../messages";

const { memory: text } = messages;

/** Bytes by what they are for, whether they fit, and what to change if they do not. */
export function MemoryFacts({ plan }: { readonly plan: MemoryPlan }) {
  const parts = Object.entries(plan.bytes);
  return (
    <div className="memory">
      <p role="status">
        <span className={plan.fits ? "badge" : "badge badge-bad"}>
          {plan.fits ? text.fits : text.doesNotFit}
        </span>{" "}
        <b>{bytes(plan.total)}</b> <span className="muted">{text.onGpu}</span>
      </p>
      <div className="memory-bar" aria-hidden="true">
        {parts.map(([name, size], i) => (
          <span key={name} style={{ width: `${(100 * size) / plan.total}%`, opacity: 1 - i * 0.14 }} />
        ))}
      </div>
      <dl className="pairs">
        {parts.map(([name, size]) => (
          <div key={name}>
            <dt>{text.parts[name] ?? name}</dt>
            <dd>{bytes(size)}</dd>
          </div>
        ))}
      </dl>
      <dl className="pairs" aria-label={text.host}>
        {plan.host && (
          <div>
            <dt>{text.host}</dt>
            <dd>{bytes(plan.host.peak)}</dd>
          </div>
        )}
        {plan.host && plan.host.teacher > 0 && (
          <div>
            <dt>{text.hostTeacher}</dt>
            <dd>{bytes(plan.host.teacher)}</dd>
          </div>
        )}
        <div>
          <dt>{text.teacherCache}</dt>
          <dd>{bytes(plan.teacherCache)}</dd>
        </div>
        {plan.host && (
          <>
            <div>
              <dt>{text.hostStudent}</dt>
              <dd>{bytes(plan.host.student)}</dd>
            </div>
            <div>
              <dt>{text.hostCheckpoint}</dt>
              <dd>{bytes(plan.host.checkpoint)}</dd>
            </div>
          </>
        )}
      </dl>
      {plan.reasons.map((reason) => (
        <p key={reason} className="issue">
          {reason}
        </p>
      ))}
      {plan.changes.length > 0 && (
        <ul>
          {plan.changes.map((change) => (
            <li key={change.settings}>
              {change.settings}: {bytes(change.total)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
