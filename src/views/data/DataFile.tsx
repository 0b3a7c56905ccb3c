import { useId, useState } from "react";
import { bytes, count, duration } from "../format";
import type { Gathered } from "../files/gather";
import { PickButton } from "../files/PickButton";
import { messages } from "../messages";
import { useDataset, useDataState } from "../use-app";
import { ColumnMapping } from "./ColumnMapping";

const { data: text } = messages;
const ACCEPT = ".jsonl,.ndjson,.json,.csv,.tsv,.txt,.gz,.parquet,text/plain,application/json";

/** The three ways in, what the file is taken for, and what dropped out. */
export function DataFile({ onFiles }: { readonly onFiles: (gathered: Gathered) => void }) {
  const file = useDataState((state) => state.file);
  return (
    <>
      <p className="muted">{text.intro}</p>
      <p className="row data-ways">
        <PickButton text={text.pick} accept={ACCEPT} onFiles={onFiles} />
        <span className="muted">{text.dropHere}</span>
      </p>
      <Paste />
      {file ? (
        <>
          <h3>
            {file.name} <span className="muted">{bytes(file.bytes)}</span>
          </h3>
          <ColumnMapping />
          <Facts />
        </>
      ) : (
        <p className="empty">{text.none}</p>
      )}
    </>
  );
}

function Paste() {
  const id = useId();
  const dataset = useDataset();
  const [pasted, setPasted] = useState("");
  return (
    <details>
      <summary>{text.paste}</summary>
      <div className="add-form">
        <label htmlFor={id} className="muted">
          {text.pasteHint}
        </label>
        <textarea id={id} rows={5} value={pasted} onChange={(event) => setPasted(event.target.value)} />
        <p className="row">
          <button
            type="button"
            disabled={pasted.trim() === ""}
            onClick={() => dataset.read(new Blob([pasted]), text.pasted)}
          >
            {text.usePasted}
          </button>
        </p>
      </div>
    </details>
  );
}

const sentence = (note: string): string => `${note.charAt(0).toUpperCase()}${note.slice(1)}.`;

function Facts() {
  const facts = useDataState((state) => state.facts);
  if (!facts) return null;
  const dropped = Object.entries(facts.dropped);
  const total = dropped.reduce((sum, [, n]) => sum + n, 0);
  return (
    <div className="data-facts">
      <p role="status">
        <b>{text.rowsRead(facts.rows, facts.cot)}</b>{" "}
        <span className="muted">
          {text.took(facts.ms < 1000 ? `${count(facts.ms)} ms` : duration(facts.ms / 1000))}
        </span>
      </p>
      {facts.notes.length > 0 && (
        <ul className="hint data-notes">
          {facts.notes.map((note) => (
            <li key={note}>{sentence(note)}</li>
          ))}
        </ul>
      )}
      {total > 0 && (
        <details>
          <summary className="issue">{text.dropped(total)}</summary>
          <ul>
            {dropped.map(([reason, n]) => (
              <li key={reason}>
                {count(n)} × {reason}
              </li>
            ))}
          </ul>
          <table className="flow-table">
            <thead>
              <tr>
                <th scope="col">{text.places[facts.places]}</th>
                <th scope="col">{text.why}</th>
              </tr>
            </thead>
            <tbody>
              {facts.problems.slice(0, 10).map(({ line, reason }) => (
                <tr key={`${line} ${reason}`}>
                  <td>{count(line)}</td>
                  <td>{reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}
