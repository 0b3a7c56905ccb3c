import type { RunFacts, StepRecord } from "../../telemetry";
import { percent } from "../format";
import { messages } from "../messages";

const { coverage: text } = messages;
type Coverage = NonNullable<RunFacts["coverage"]>;

/** How much of the text the method's alignment takes, and what the last step learned nothing from. */
export function CoverageFact({
  coverage,
  last,
}: {
  readonly coverage: Coverage | undefined;
  readonly last: StepRecord | undefined;
}) {
  const few = coverage && Math.min(coverage.student, coverage.teacher) < 0.5;
  return (
    <>
      {coverage && (
        <div className="fact">
          <p className={few ? "issue" : ""}>
            {text.takes(percent(coverage.student), percent(coverage.teacher), coverage.reads)}{" "}
            {coverage.empty > 0 && text.empty(coverage.empty, coverage.rows)} {few && text.few}
          </p>
          {coverage.least.length > 0 && (
            <details>
              <summary>{text.least(coverage.least.length)}</summary>
              <ul>
                {coverage.least.map((row) => (
                  <li key={row.id}>{text.row(row.id, percent(row.student), percent(row.teacher))}</li>
                ))}
              </ul>
            </details>
          )}
        </div>
      )}
      {last?.chunks && last.chunks.counted < last.chunks.found && (
        <p className="fact">
          {text.chunks(last.step, last.chunks.found - last.chunks.counted, last.chunks.found)}
        </p>
      )}
      {last?.silent && <p className="fact issue">{text.silent(last.step, last.silent.join(", "))}</p>}
    </>
  );
}
