import { useMemo } from "react";
import { topFlows } from "../../store";
import type { PlanRecord } from "../../telemetry";
import { percent, significant } from "../format";
import { messages } from "../messages";

const { plan: text } = messages;
const COUNT = 10;

/** The heat map's twin in words and numbers. */
export function TopFlows({ record }: { readonly record: PlanRecord }) {
  const flows = useMemo(() => topFlows(record, COUNT), [record]);
  return (
    <details className="flows">
      <summary>{text.flows}</summary>
      <table>
        <caption className="unseen">{text.flowsCaption}</caption>
        <thead>
          <tr>
            <th scope="col">{text.student}</th>
            <th scope="col">{text.teacher}</th>
            <th scope="col">{text.mass}</th>
            <th scope="col">{text.share}</th>
            <th scope="col">{text.cost}</th>
          </tr>
        </thead>
        <tbody>
          {flows.map(({ row, col, mass, rowShare, cost }) => (
            <tr key={`${row} ${col}`}>
              <td>
                <span className="token id-student">{record.studentTokens[row]}</span>{" "}
                <span className="muted">{row}</span>
              </td>
              <td>
                <span className="token id-teacher">{record.teacherTokens[col]}</span>{" "}
                <span className="muted">{col}</span>
              </td>
              <td>{significant(mass)}</td>
              <td>{percent(rowShare)}</td>
              <td>{significant(cost)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
