import { messageOf } from "../../base/errors";
import { useRef, useState } from "react";
import { createHistory, metricsCsv, metricsJsonl, type RunRecord } from "../../store";
import { download } from "../download";
import { messages } from "../messages";
import { hashOf } from "../routes";
import { useActions } from "../use-app";

const { kept: text } = messages;

/** What of a kept run can leave the page. Its student alone needs the engine: the run is loaded for it. */
export function SaveRun({
  id,
  weights,
  loads,
}: {
  readonly id: string;
  readonly weights: boolean;
  readonly loads: boolean;
}) {
  const { kept, resume, exportStudent } = useActions();
  const menu = useRef<HTMLDetailsElement>(null);
  const [issue, setIssue] = useState("");
  const save = async (what: string, make: (record: RunRecord) => BlobPart | Promise<BlobPart>) => {
    try {
      const record = await kept.recordOf(id);
      download(`couplet-run-step-${record.step}-${what}`, new Blob([await make(record)]));
      setIssue("");
    } catch (error) {
      setIssue(messageOf(error));
    }
  };
  const saveStudent = async () => {
    if (!(await resume(id))) return;
    location.hash = hashOf("distill", ""); // where the file is handed over
    kept.afterwards(exportStudent);
  };
  const checkpoint = async () => (await kept.checkpointOf(id)) as Uint8Array<ArrayBuffer>; // never shared
  const items = [
    {
      name: text.saveConfig,
      run: () => save("config.json", ({ config }) => JSON.stringify(config, null, 2)),
    },
    { name: text.saveCsv, run: () => save("metrics.csv", (record) => metricsCsv(historyOf(record))) },
    { name: text.saveJsonl, run: () => save("metrics.jsonl", (record) => metricsJsonl(historyOf(record))) },
    ...(weights
      ? [{ name: text.saveCheckpoint, run: () => save("checkpoint.safetensors", checkpoint) }]
      : []),
    ...(loads ? [{ name: text.saveStudent, run: saveStudent }] : []),
  ];
  return (
    <>
      <details ref={menu} className="menu">
        <summary className="button">{text.save}</summary>
        <div className="menu-sheet">
          {items.map(({ name, run }) => (
            <button
              key={name}
              type="button"
              onClick={() => {
                void run();
                menu.current?.removeAttribute("open");
              }}
            >
              {name}
            </button>
          ))}
        </div>
      </details>
      {issue !== "" && <span className="issue">{issue}</span>}
    </>
  );
}

function historyOf({ steps, evaluations }: RunRecord) {
  const history = createHistory();
  history.push(steps);
  for (const evaluation of evaluations) history.pushEvaluation(evaluation);
  return history;
}
