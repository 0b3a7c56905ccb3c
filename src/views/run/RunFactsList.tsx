import type { MemoryPlan, RunFacts } from "../../telemetry";
import { bytes, count, significant } from "../format";
import { messages } from "../messages";
import { CoverageFact } from "./CoverageFact";
import { MemoryFacts } from "./MemoryFacts";
import { TimeEstimate } from "./TimeEstimate";
import { Panel } from "../shell/Panel";
import { useApp } from "../use-app";

const { facts: text } = messages;

/** What the loaded run stands on. */
export function RunFactsList() {
  const facts = useApp((state) => state.run.facts);
  const last = useApp((state) => state.run.last);
  if (!facts) return null;
  return (
    <Panel title={text.title} name="facts">
      <ModelsTable facts={facts} />
      <p className="fact">{text.rows(facts.rows, facts.heldOut)}</p>
      <p className="fact">{text.gap(significant(facts.logitsGap))}</p>
      {facts.reading?.map((line) => (
        <p className="fact" key={line}>
          {line}
        </p>
      ))}
      <CoverageFact coverage={facts.coverage} last={last} />
      <Dropped reasons={facts.dropped} />
      <TimeEstimate />
      <details className="fact">
        <summary>
          {text.memory} {facts.plan && <Fits plan={facts.plan} />}
        </summary>
        {facts.plan ? (
          <MemoryFacts plan={facts.plan} />
        ) : (
          <dl className="pairs">
            {Object.entries(facts.memory).map(([name, size]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{bytes(size)}</dd>
              </div>
            ))}
          </dl>
        )}
      </details>
    </Panel>
  );
}

/** The answer in short, for those who do not unfold it. */
function Fits({ plan: { fits, total } }: { readonly plan: MemoryPlan }) {
  return (
    <span className="muted">
      {fits ? messages.memory.fits : messages.memory.doesNotFit}, {bytes(total)} {messages.memory.onGpu}
    </span>
  );
}

function ModelsTable({ facts: { teacher, student } }: { readonly facts: RunFacts }) {
  return (
    <table className="facts">
      <thead>
        <tr>
          <td />
          {teacher && (
            <th scope="col">
              <span className="id-teacher">{text.teacher}</span>
            </th>
          )}
          <th scope="col">
            <span className="id-student">{text.student}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {(
          [
            [text.vocabulary, student.vocabSize, teacher?.vocabSize],
            [text.width, student.hiddenSize, teacher?.hiddenSize],
            [text.layers, student.layers],
            [text.parameters, student.parameters],
          ] as const
        ).map(([name, ofStudent, ofTeacher]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {teacher && <td>{ofTeacher === undefined ? "" : count(ofTeacher)}</td>}
            <td>{count(ofStudent)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Dropped({ reasons }: { readonly reasons: readonly string[] }) {
  if (reasons.length === 0) return null;
  return (
    <details className="fact">
      <summary>{text.dropped(reasons.length)}</summary>
      <ul>
        {reasons.slice(0, 20).map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </details>
  );
}
