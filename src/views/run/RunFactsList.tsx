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
          <th scope="col">
            <span className="id-teacher">{text.teacher}</span>
          </th>
          <th scope="col">
            <span className="id-student">{text.student}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        <FactRow
          name={text.vocabulary}
          teacher={count(teacher.vocabSize)}
          student={count(student.vocabSize)}
        />
        <FactRow name={text.width} teacher={count(teacher.hiddenSize)} student={count(student.hiddenSize)} />
        <FactRow name={text.layers} teacher="" student={count(student.layers)} />
        <FactRow name={text.parameters} teacher="" student={count(student.parameters)} />
      </tbody>
    </table>
  );
}

function FactRow({ name, teacher, student }: Readonly<Record<"name" | "teacher" | "student", string>>) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{teacher}</td>
      <td>{student}</td>
    </tr>
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
