import { flowAt, type Plan } from "../../figure";
import { percent } from "../format";
import { messages } from "../messages";
import { useSelection, type Pointer } from "./pointer";

const { figure: text } = messages;

interface PairLineProps {
  readonly id: string;
  readonly plan: Plan;
  readonly pointer: Pointer;
}

/** What is pointed at, in one line under the figure. */
export function PairLine({ id, plan, pointer }: PairLineProps) {
  const { student, teacher } = useSelection(pointer);
  if (student === undefined && teacher === undefined)
    return (
      <p id={id} className="pair">
        <span className="muted">{text.hint}</span>
      </p>
    );
  const flow = student !== undefined && teacher !== undefined ? flowAt(plan, student, teacher) : undefined;
  return (
    <p id={id} className="pair" aria-live="polite">
      {student !== undefined && <span className="token id-student">{plan.student.texts[student]}</span>}
      {flow && <span aria-hidden="true"> → </span>}
      {teacher !== undefined && <span className="token id-teacher">{plan.teacher.texts[teacher]}</span>}
      {flow && (
        <>
          <span className="number">
            {text.value.plan} <b>{text.number(flow.mass)}</b>
          </span>
          <span className="number muted">
            {percent(flow.rowShare, 1)} {text.ofRow}
          </span>
          <span className="number muted">
            {text.value.cost} {text.number(flow.cost)}
          </span>
        </>
      )}
    </p>
  );
}
