import { decimals, percent } from "../format";
import { messages } from "../messages";
import type { Shown } from "./use-shown";

const { transport: text } = messages;

/** The numbers of the shown plan, and whether it is one. */
export function Readouts({ shown }: { readonly shown: Shown }) {
  const { facts, sweep, last, n, m, solved } = shown;
  const { solution } = solved;
  const done = sweep === last;
  return (
    <>
      <dl className="pairs lab-readouts">
        <Pair name={text.costValue} value={text.number(facts.transportCost)} />
        <Pair name={text.marginalError} value={text.number(facts.marginalError)} />
        <Pair
          name={text.entropy}
          value={`${decimals(facts.entropy, 2)} ${messages.plan.readouts.entropyOf(decimals(Math.log(n * m), 2))}`}
        />
        <Pair name={text.mass} value={text.number(facts.mass)} />
      </dl>
      <Sharpness share={facts.sharpness} />
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
      <p className="fact">{text.solvedIn(decimals(solution.ms, 1))}</p>
    </>
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
function Sharpness({ share }: { readonly share: number }) {
  return (
    <div className="gauge">
      <div className="gauge-head">
        <span className="muted">{text.sharpness}</span> <span>{percent(share)}</span>
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
