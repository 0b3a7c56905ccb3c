import type { ReactNode } from "react";
import { HOLLOW, planFacts, sizeOf, type Plan } from "../../figure";
import { decimals, percent } from "../format";
import { messages } from "../messages";

const { figure: words } = messages;
const { readouts: text } = words;

interface ReadoutsProps {
  readonly plan: Plan;
  /** The four that a room needs. */
  readonly brief?: boolean;
}

/** The numbers of a plan, the same on every screen, and whether it is one: an unconverged plan is said to be so. */
export function Readouts({ plan, brief = false }: ReadoutsProps) {
  const { report, relaxed } = plan;
  const { mass, moved, sharpness } = planFacts(plan);
  const [n, m] = sizeOf(plan);
  const { maxDeviation, gradientRatio } = report;
  const hollow = (shares: Float64Array) => shares.filter((share) => share < HOLLOW).length;
  return (
    <dl className="readouts">
      <Pair name={text.cost}>{words.number(report.transportCost)}</Pair>
      <Pair name={text.error}>{words.number(report.marginalError)}</Pair>
      <Pair name={text.entropy}>
        {decimals(report.entropy, 2)}{" "}
        {!brief && <span className="muted">{text.entropyOf(decimals(Math.log(n * m), 2))}</span>}
      </Pair>
      {!brief && <Pair name={text.mass}>{words.number(mass)}</Pair>}
      {relaxed && !brief && (
        <Pair name={text.unmatched}>
          {text.unmatchedCounts(hollow(moved.student), hollow(moved.teacher))}
        </Pair>
      )}
      <Pair name={text.sharpness} hint={text.sharpnessHint}>
        <span className="sharpness">{percent(sharpness)}</span>
        <span className="bar" aria-hidden="true">
          <span style={{ width: `${sharpness * 100}%` }} />
        </span>
      </Pair>
      {!brief && maxDeviation !== undefined && (
        <Pair name={text.maxDeviation} hint={text.maxDeviationHint}>
          {words.number(maxDeviation)}
        </Pair>
      )}
      {!brief && gradientRatio !== undefined && (
        <Pair name={text.gradientRatio} hint={text.gradientRatioHint}>
          {words.number(gradientRatio)}
        </Pair>
      )}
      {!brief && (
        <Pair name={text.sweeps}>
          {report.sweeps} <Verdict plan={plan} />
        </Pair>
      )}
    </dl>
  );
}

export function Verdict({ plan: { report } }: { readonly plan: Plan }) {
  const { converged } = report;
  const said =
    converged === undefined ? words.notYet : converged ? `✓ ${words.converged}` : `✕ ${words.notConverged}`;
  return (
    <span className={converged === false ? "badge badge-bad" : "badge"} role="status">
      {said}
    </span>
  );
}

interface PairProps {
  readonly name: string;
  readonly hint?: string;
  readonly children: ReactNode;
}

function Pair({ name, hint, children }: PairProps) {
  return (
    <div>
      <dt title={hint}>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
