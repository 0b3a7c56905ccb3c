import { flowAt, planFacts, type Plan, type Side } from "../../figure";
import { percent } from "../format";
import { messages } from "../messages";
import { useSelection, type Pointer } from "./pointer";

const { figure: text } = messages;
const PARTNERS = 5;

interface SelectedProps {
  readonly plan: Plan;
  readonly gradient?: Float32Array | null | undefined;
  readonly pointer: Pointer;
}

/** What is pointed at: a pair with its mass and its part of the loss, or a token with its partners. */
export function Selected({ plan, gradient, pointer }: SelectedProps) {
  const { student, teacher } = useSelection(pointer);
  if (student === undefined && teacher === undefined) return <p className="empty">{text.hint}</p>;
  const pair = student !== undefined && teacher !== undefined;
  return (
    <div aria-live="polite">
      {student !== undefined && <Token side="student" plan={plan} index={student} />}
      {teacher !== undefined && <Token side="teacher" plan={plan} index={teacher} />}
      {pair ? (
        <PairFacts plan={plan} gradient={gradient} row={student} col={teacher} />
      ) : (
        <Partners plan={plan} pointer={pointer} />
      )}
    </div>
  );
}

interface TokenProps {
  readonly side: Side;
  readonly plan: Plan;
  readonly index: number;
}

function Token({ side, plan, index }: TokenProps) {
  const { texts, start, end, ids } = plan[side];
  const id = ids?.[index];
  return (
    <p className="picked">
      <span className={`token id-${side}`}>{texts[index] ?? ""}</span>{" "}
      <span className="muted">
        {text.bytesAt(start[index] ?? 0, end[index] ?? 0)}
        {id !== undefined && ` · ${text.tokenId(id)}`}
        {plan.relaxed && ` · ${text.movedShare(percent(planFacts(plan).moved[side][index] ?? 0))}`}
      </span>
    </p>
  );
}

interface PairProps {
  readonly plan: Plan;
  readonly gradient?: Float32Array | null | undefined;
  readonly row: number;
  readonly col: number;
}

function PairFacts({ plan, gradient, row, col }: PairProps) {
  const { mass, cost, rowShare } = flowAt(plan, row, col);
  const { transportCost } = plan.report;
  const part = mass * cost;
  const share = percent(transportCost > 0 ? part / transportCost : 0, 1);
  return (
    <dl className="pairs">
      <Fact name={text.value.plan} value={text.number(mass)} />
      <Fact name="" value={`${percent(rowShare, 1)} ${text.ofRow}`} />
      <Fact name={text.value.cost} value={text.number(cost)} />
      <Fact name="P · C" value={`${text.number(part)}: ${share} ${text.ofCost}`} />
      {gradient && (
        <Fact
          name={text.value.gradient}
          value={text.number(gradient[row * plan.teacher.texts.length + col] ?? Number.NaN)}
        />
      )}
    </dl>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** Where a token's mass goes, heaviest first; each can be chosen in its turn. */
function Partners({ plan, pointer }: Pick<SelectedProps, "plan" | "pointer">) {
  const { student, teacher } = useSelection(pointer);
  const other: Side = student === undefined ? "student" : "teacher";
  const masses = plan[other].texts.map(
    (_, k) => flowAt(plan, student ?? k, student === undefined ? (teacher ?? 0) : k).mass,
  );
  const total = masses.reduce((a, b) => a + b, 0);
  const best = masses
    .map((mass, index) => ({ share: total > 0 ? mass / total : 0, index }))
    .toSorted((a, b) => b.share - a.share)
    .slice(0, PARTNERS);
  return (
    <>
      <p className="muted">{text.tokenLine(masses.filter((mass) => mass > total / 100).length)}</p>
      <h3>{text.partners}</h3>
      <ul className="partners">
        {best.map(({ share, index }) => (
          <li key={index}>
            <button
              type="button"
              className="quiet"
              onClick={() => pointer.select({ student, teacher, [other]: index }, true)}
            >
              <span className={`token id-${other}`}>{plan[other].texts[index]}</span>
            </button>
            <span className="bar" aria-hidden="true">
              <span style={{ width: `${100 * share}%` }} />
            </span>
            <span>{percent(share)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
