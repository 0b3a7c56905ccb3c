import type { CreditSettings, WrittenAnswer } from "../../telemetry";
import { significant } from "../format";
import { rolloutMessages as text } from "../messages-rollout";
import { advantagesOf } from "./advantages";

interface ChunkTableProps {
  readonly answer: WrittenAnswer;
  readonly group: number;
  readonly limits: Omit<CreditSettings, "credit">;
  readonly onClose: () => void;
}

const RULES = ["by_log_prob", "by_count", "exact_boundaries"] as const;

/** One chunk: what both sides make of it, and what each rule gives to each of its tokens. No limit is in the way here. */
export function ChunkTable({ answer, group, limits, onClose }: ChunkTableProps) {
  const [s0, s1, t0, t1] = answer.groups[group] ?? [0, 0, 0, 0];
  const sum = (tokens: readonly { readonly logProb?: number }[]) =>
    tokens.reduce((total, { logProb = 0 }) => total + logProb, 0);
  const [ofTeacher, ofStudent] = [sum(answer.teacher.slice(t0, t1)), sum(answer.student.slice(s0, s1))];
  const shared = RULES.map((credit) =>
    advantagesOf(answer, { credit, clamp: null, maxChunk: null }).slice(s0, s1),
  );
  const tooLong = limits.maxChunk !== null && Math.max(s1 - s0, t1 - t0) > limits.maxChunk;
  return (
    <div className="rollout-chunk">
      <Sums teacher={ofTeacher} student={ofStudent} />
      <div className="table-scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">{text.token}</th>
              <th scope="col">{text.logProb}</th>
              {RULES.map((rule) => (
                <th scope="col" key={rule}>
                  {text.rules[rule]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {answer.student.slice(s0, s1).map((token, i) => (
              <tr key={i}>
                <th scope="row">
                  <span className="token">{token.text}</span>
                </th>
                <td>{significant(token.logProb)}</td>
                {shared.map((advantages, k) => (
                  <td key={k}>{significant(advantages[i] ?? 0)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {tooLong && <p className="issue">{text.tooLong(limits.maxChunk ?? 0)}</p>}
      <button type="button" className="quiet" onClick={onClose}>
        {text.close}
      </button>
    </div>
  );
}

function Sums({ teacher, student }: { readonly teacher: number; readonly student: number }) {
  const sums = [
    [text.sums.teacher, teacher],
    [text.sums.student, student],
    [text.sums.difference, teacher - student],
  ] as const;
  return (
    <dl className="rollout-sums">
      {sums.map(([name, value]) => (
        <div key={name}>
          <dt className="muted">{name}</dt>
          <dd>{significant(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
