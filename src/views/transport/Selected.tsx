import { percent } from "../format";
import { messages } from "../messages";
import { useLab, useLabState } from "../use-app";
import type { Shown } from "./use-shown";

const { transport: text } = messages;
const PARTNERS = 5;

/** What is pointed at: a pair with its mass and its part of the loss, or a token with its partners. */
export function Selected({ shown }: { readonly shown: Shown }) {
  const { student, teacher } = useLabState((state) => state.selection);
  if (student === undefined && teacher === undefined) return <p className="empty">{text.hint}</p>;
  return (
    <div aria-live="polite">
      {student !== undefined && <Token side="student" shown={shown} index={student} />}
      {teacher !== undefined && <Token side="teacher" shown={shown} index={teacher} />}
      {student !== undefined && teacher !== undefined ? (
        <PairFacts shown={shown} row={student} col={teacher} />
      ) : (
        <Partners shown={shown} />
      )}
    </div>
  );
}

function Token({
  side,
  shown: { solved, facts },
  index,
}: {
  readonly side: "student" | "teacher";
  readonly shown: Shown;
  readonly index: number;
}) {
  const line = solved.lines[side];
  return (
    <p className="picked">
      <span className={`token id-${side}`}>{line.texts[index] ?? ""}</span>{" "}
      <span className="muted">
        {text.bytesAt(line.start[index] ?? 0, line.end[index] ?? 0)} · {text.tokenId(line.ids[index] ?? 0)}
        {solved.relaxed !== "none" && ` · ${text.movedShare(percent(facts.moved[side][index] ?? 0))}`}
      </span>
    </p>
  );
}

function PairFacts({
  shown,
  row,
  col,
}: {
  readonly shown: Shown;
  readonly row: number;
  readonly col: number;
}) {
  const { plan, m, facts, solved } = shown;
  const { cost, gradient } = solved.solution;
  const at = row * m + col;
  const mass = plan[at] ?? 0;
  let rowMass = 0;
  for (let j = 0; j < m; j++) rowMass += plan[row * m + j] ?? 0;
  const part = mass * (cost[at] ?? 0);
  return (
    <dl className="pairs">
      <Fact name={text.value.plan} value={text.number(mass)} />
      <Fact name="" value={text.pairLine(percent(rowMass > 0 ? mass / rowMass : 0, 1))} />
      <Fact name={text.value.cost} value={text.number(cost[at] ?? Number.NaN)} />
      <Fact
        name="P · C"
        value={`${text.number(part)}: ${percent(facts.transportCost > 0 ? part / facts.transportCost : 0, 1)} ${text.ofCost}`}
      />
      {gradient && <Fact name={text.value.gradient} value={text.number(gradient[at] ?? Number.NaN)} />}
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
function Partners({ shown }: { readonly shown: Shown }) {
  const lab = useLab();
  const { student, teacher } = useLabState((state) => state.selection);
  const { plan, n, m, solved } = shown;
  const row = student !== undefined;
  const other = row ? "teacher" : "student";
  const masses = row
    ? Array.from({ length: m }, (_, j) => plan[student * m + j] ?? 0)
    : Array.from({ length: n }, (_, i) => plan[i * m + (teacher ?? 0)] ?? 0);
  const total = masses.reduce((a, b) => a + b, 0);
  const best = masses
    .map((mass, index) => ({ mass, index }))
    .sort((a, b) => b.mass - a.mass)
    .slice(0, PARTNERS);
  return (
    <>
      <p className="muted">{text.tokenLine(masses.filter((mass) => mass > total / 100).length)}</p>
      <h3>{text.partners}</h3>
      <ul className="partners">
        {best.map(({ mass, index }) => (
          <li key={index}>
            <button
              type="button"
              className="quiet"
              onClick={() =>
                lab.select(row ? { student, teacher: index } : { student: index, teacher }, true)
              }
            >
              <span className={`token id-${other}`}>{solved.lines[other].texts[index]}</span>
            </button>
            <span className="bar" aria-hidden="true">
              <span style={{ width: `${total > 0 ? (100 * mass) / total : 0}%` }} />
            </span>
            <span>{percent(total > 0 ? mass / total : 0)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
