import type { PlanRecord } from "../../telemetry";
import { decimals, significant } from "../format";
import { messages } from "../messages";

const { plan: text } = messages;

/** The numbers of the plan, and whether it is one: an unconverged plan is said to be so. */
export function Readouts({ record }: { readonly record: PlanRecord }) {
  const { transportCost, entropy, marginalError, iterations, converged, maxDeviation, gradientRatio } =
    record;
  const largest = Math.log(record.studentTokens.length * record.teacherTokens.length);
  return (
    <dl className="readouts">
      <div>
        <dt>{text.readouts.cost}</dt>
        <dd>{significant(transportCost)}</dd>
      </div>
      <div>
        <dt>{text.readouts.entropy}</dt>
        <dd>
          {decimals(entropy, 2)}{" "}
          <span className="muted">{text.readouts.entropyOf(decimals(largest, 2))}</span>
        </dd>
      </div>
      {maxDeviation !== undefined && (
        <div>
          <dt title={text.readouts.maxDeviationHint}>{text.readouts.maxDeviation}</dt>
          <dd>{significant(maxDeviation)}</dd>
        </div>
      )}
      {gradientRatio !== undefined && (
        <div>
          <dt title={text.readouts.gradientRatioHint}>{text.readouts.gradientRatio}</dt>
          <dd>{significant(gradientRatio)}</dd>
        </div>
      )}
      <div>
        <dt>{text.readouts.error}</dt>
        <dd>{significant(marginalError)}</dd>
      </div>
      <div>
        <dt>{text.readouts.iterations}</dt>
        <dd>
          {iterations}{" "}
          <span className={converged ? "badge" : "badge badge-bad"} role="status">
            {converged ? `✓ ${text.converged}` : `✕ ${text.notConverged}`}
          </span>
        </dd>
      </div>
    </dl>
  );
}
