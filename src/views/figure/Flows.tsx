import { useMemo } from "react";
import { topFlows, type Plan } from "../../figure";
import { percent } from "../format";
import { messages } from "../messages";
import type { Pointer } from "./pointer";

const { figure: text } = messages;
const COUNT = 8;

/** A figure's twin in words and numbers; a row can be chosen. */
export function Flows({ plan, pointer }: { readonly plan: Plan; readonly pointer: Pointer }) {
  const flows = useMemo(() => topFlows(plan, COUNT), [plan]);
  return (
    <table className="flow-table">
      <caption className="unseen">{text.flowsCaption}</caption>
      <thead>
        <tr>
          <th scope="col">{text.student}</th>
          <th scope="col">{text.teacher}</th>
          <th scope="col">{text.value.plan}</th>
          <th scope="col">{text.share}</th>
          <th scope="col">{text.value.cost}</th>
        </tr>
      </thead>
      <tbody>
        {flows.map(({ row, col, mass, rowShare, cost }) => (
          <tr key={`${row} ${col}`}>
            <td>
              <button
                type="button"
                className="quiet"
                onClick={() => pointer.select({ student: row, teacher: col }, true)}
              >
                <span className="token id-student">{plan.student.texts[row]}</span>
              </button>
            </td>
            <td>
              <span className="token id-teacher">{plan.teacher.texts[col]}</span>
            </td>
            <td>{text.number(mass)}</td>
            <td>{percent(rowShare)}</td>
            <td>{text.number(cost)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
