import type { LabSolution } from "../../store";
import { decimals, percent } from "../format";
import { messages } from "../messages";
import { HOLLOW } from "./ribbon-geometry";
import type { Shown } from "./use-shown";

const { transport: text } = messages;

/** The numbers of the shown plan, and whether it is one. */
export function Readouts({ shown }: { readonly shown: Shown }) {
  const { facts, sweep, last, n, m, solved } = shown;
  const { solution } = solved;
  const relaxed = solved.relaxed !== "none";
  const done = sweep === last;
  return (
    <>
      <dl className="pairs lab-readouts">
        <Pair name={text.costValue} value={text.number(facts.transportCost)} />
        <Pair name={relaxed ? text.unmoved : text.marginalError} value={text.number(facts.marginalError)} />
        <Pair
          name={text.entropy}
          value={`${decimals(facts.entropy, 2)} ${messages.plan.readouts.entropyOf(decimals(Math.log(n * m), 2))}`}
        />
        <Pair name={text.mass} value={text.number(facts.mass)} />
        {relaxed && (
          <Pair
            name={text.unmatched}
            value={text.unmatchedCounts(hollowTokens(facts.moved.student), hollowTokens(facts.moved.teacher))}
          />
        )}
      </dl>
      <MutualInformation share={facts.mutualInformation} />
      <p role="status" className="state-line">
        {done ? (
          <span className={solution.converged ? "badge" : "badge badge-bad"}>
            {solution.converged ? `✓ ${text.converged}` : `✕ ${text.notConverged}`}
          </span>
        ) : (
          <span className="badge">{text.notYet}</span>
        )}{" "}
        <span className="muted">{text.afterSweeps(sweep)}</span>
      </p>
      <SolvedLine solution={solution} />
    </>
  );
}

const hollowTokens = (moved: Float64Array): number => moved.filter((share) => share < HOLLOW).length;

/** Which solver it was, and why not the other. */
function SolvedLine({ solution: { ms, by } }: { readonly solution: LabSolution }) {
  const why = by.device === "cpu" ? text.whyCpu[by.why](by.detail) : "";
  return (
    <p className="fact" data-solved-by={by.device}>
      {text.solvedBy(decimals(ms, 1), by)}
      {why && `: ${why}`}
    </p>
  );
}

function Pair({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** From a plan without preferences to one partner for each token. */
function MutualInformation({ share }: { readonly share: number }) {
  return (
    <div className="gauge">
      <div className="gauge-head">
        <span className="muted">{text.mutualInformation}</span> <span>{percent(share)}</span>
      </div>
      <div className="gauge-track" aria-hidden="true">
        <div style={{ width: `${share * 100}%` }} />
      </div>
      <div className="gauge-ends muted" aria-hidden="true">
        <span>{text.blurred}</span>
        <span>{text.sharp}</span>
      </div>
    </div>
  );
}
