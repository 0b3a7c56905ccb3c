import { useState } from "react";
import { editsForRows, fieldText, type KeptRows } from "../../store";
import { bytes } from "../format";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { hashOf } from "../routes";
import { useActions, useApp, useDataset, useDataState } from "../use-app";

const { data: text } = messages;
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

/** Rows that were kept, by name and hash: what a config names. */
export function KeptSets() {
  const sets = useDataState((state) => state.sets);
  if (!sets?.length) return <p className="empty">{text.noSets}</p>;
  return (
    <ul className="model-list">
      {sets.map((set) => (
        <KeptSet key={set.key} set={set} />
      ))}
    </ul>
  );
}

function KeptSet({ set }: { readonly set: KeptRows }) {
  const { key, rows, cot, bytes: size, savedAt } = set;
  const dataset = useDataset();
  const actions = useActions();
  const draft = useApp((state) => state.draft);
  const inUse = fieldText(draft, "data.source") === key;
  const [sure, setSure] = useState(false);
  const use = () => {
    actions.use(editsForRows(draft, key, cot > 0));
    location.hash = hashOf("distill", "");
  };
  return (
    <li className="model-card" data-set={key}>
      <p>
        <b>{modelTitle(key)}</b>
      </p>
      <p className="muted">{text.setFacts(rows, bytes(size), day.format(savedAt))}</p>
      <p className="row">
        {inUse ? (
          <span className="badge">{text.inUse}</span>
        ) : (
          <button type="button" onClick={use}>
            {text.use}
          </button>
        )}
        <button type="button" onClick={() => dataset.reopen(key)}>
          {text.open}
        </button>
        {sure ? (
          <>
            <span>{text.deleteSure}</span>
            <button type="button" onClick={() => dataset.remove(key)}>
              {text.deleteYes}
            </button>
            <button type="button" className="quiet" onClick={() => setSure(false)}>
              {text.deleteNo}
            </button>
          </>
        ) : (
          <button type="button" className="quiet" onClick={() => setSure(true)}>
            {text.delete}
          </button>
        )}
      </p>
    </li>
  );
}
