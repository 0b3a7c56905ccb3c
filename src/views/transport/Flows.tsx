import { useMemo } from "react";
import { percent } from "../format";
import { messages } from "../messages";
import { useLab } from "../use-app";
import type { Shown } from "./use-shown";

const { transport: text } = messages;
const COUNT = 8;

/** The matrix's twin in words and numbers; a row can be chosen. */
export function Flows({ shown }: { readonly shown: Shown }) {
  const lab = useLab();
  const { plan, m, solved } = shown;
  const { student, teacher } = solved.lines;
  const best = useMemo(
    () =>
      Array.from(plan, (mass, at) => ({ mass, at }))
        .sort((a, b) => b.mass - a.mass)
        .slice(0, COUNT),
    [plan],
  );
  return (
    <table className="flow-table">
      <thead>
        <tr>
          <th scope="col">{messages.plan.student}</th>
          <th scope="col">{messages.plan.teacher}</th>
          <th scope="col">{text.value.plan}</th>
          <th scope="col">{text.value.cost}</th>
        </tr>
      </thead>
      <tbody>
        {best.map(({ mass, at }) => {
          const [row, col] = [Math.floor(at / m), at % m];
          return (
            <tr key={at}>
              <td>
                <button
                  type="button"
                  className="quiet"
                  onClick={() => lab.select({ student: row, teacher: col }, true)}
                >
                  <span className="token id-student">{student.texts[row]}</span>
                </button>
              </td>
              <td>
                <span className="token id-teacher">{teacher.texts[col]}</span>
              </td>
              <td>{percent(mass, 2)}</td>
              <td>{text.number(solved.solution.cost[at] ?? Number.NaN)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
