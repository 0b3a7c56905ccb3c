import { useEffect, useId } from "react";
import { TEXT_LIMIT, type TextSource } from "../../config/transport-view";
import { modelNames } from "../../store";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { useTransportScreen, useTransportState, useLibrary, useLibraryState } from "../use-app";
import { EXAMPLES } from "./examples";

const { transport: text } = messages;
const VIEWS = (["cot", "plain"] as const).map((value) => ({ value, text: text.views[value] }));
const FROM = [
  { value: "row", text: text.fromRow },
  { value: "own", text: text.fromOwn },
] as const;
const FIRST_ROW: TextSource = { from: "row", row: 3, student: "cot", teacher: "cot" };

/** Which text both models cut: a held-out row with its views, an example, or the reader's own. */
export function TextPanel() {
  const source = useTransportState((state) => state.view.text);
  const transportScreen = useTransportScreen();
  const choose = (from: "row" | "own") =>
    transportScreen.change({ text: from === "row" ? FIRST_ROW : { from, text: EXAMPLES[0] ?? "?" } });
  return (
    <Panel title={text.text} name="text">
      <div className="fields">
        <div className="field-wide">
          <Segmented label={text.from} options={FROM} value={source.from} onChange={choose} />
        </div>
        <PairFields />
        {source.from === "row" ? <RowFields source={source} /> : <OwnText current={source.text} />}
      </div>
    </Panel>
  );
}

/** Whose tokenizers cut the text, and whose states the cost compares. */
function PairFields() {
  const id = useId();
  const transportScreen = useTransportScreen();
  const library = useLibrary();
  const pair = useTransportState((state) => state.view.models);
  const models = useLibraryState((state) => state.models);
  useEffect(() => library.open(), [library]);
  return (["teacher", "student"] as const).map((role) => {
    const names = modelNames(models, role);
    const offered = names.includes(pair[role]) ? names : [...names, pair[role]];
    return (
      <div className="field field-wide" key={role}>
        <label htmlFor={`${id}-${role}`}>
          <span className={`id-${role}`}>{messages.models.role[role]}</span>
        </label>
        <select
          id={`${id}-${role}`}
          value={pair[role]}
          onChange={(event) => transportScreen.change({ models: { ...pair, [role]: event.target.value } })}
        >
          {offered.map((name) => (
            <option key={name} value={name}>
              {modelTitle(name)}
            </option>
          ))}
        </select>
      </div>
    );
  });
}

function RowFields({ source }: { readonly source: Extract<TextSource, { from: "row" }> }) {
  const id = useId();
  const rows = useTransportState((state) => state.rows);
  const transportScreen = useTransportScreen();
  const change = (part: Partial<typeof source>) => transportScreen.change({ text: { ...source, ...part } });
  const row = rows?.[source.row];
  return (
    <>
      <div className="field field-wide">
        <label htmlFor={id}>{text.row}</label>
        <select id={id} value={source.row} onChange={(event) => change({ row: Number(event.target.value) })}>
          {rows?.map((option, index) => (
            <option key={option.id} value={index}>
              {index}: {option.views.plain.prompt.replace(/^Question: /, "")}
            </option>
          )) ?? <option value={source.row}>{source.row}</option>}
        </select>
      </div>
      {(["student", "teacher"] as const).map((side) => (
        <div className="field field-wide" key={side}>
          <span className={`label id-${side}`}>
            {side === "student" ? text.studentReads : text.teacherReads}
          </span>
          <Segmented
            label={side === "student" ? text.studentReads : text.teacherReads}
            options={VIEWS}
            value={source[side]}
            onChange={(view) => change({ [side]: view })}
          />
        </div>
      ))}
      {row && (
        <div className="field field-wide">
          <span className="label">{text.prompt}</span>
          <p className="prompt-text">{row.views[source.student].prompt.trim()}</p>
        </div>
      )}
    </>
  );
}

function OwnText({ current }: { readonly current: string }) {
  const id = useId();
  const transportScreen = useTransportScreen();
  const use = (value: string) => transportScreen.change({ text: { from: "own", text: value } });
  return (
    <>
      <div className="field field-wide">
        <label htmlFor={id}>{text.own}</label>
        <textarea
          id={id}
          rows={5}
          maxLength={TEXT_LIMIT}
          value={current}
          onChange={(event) => use(event.target.value)}
        />
      </div>
      <div className="field field-wide">
        <span className="label">{text.examples}</span>
        <div className="row chips">
          {EXAMPLES.map((example, i) => (
            <button type="button" key={example} onClick={() => use(example)}>
              {text.exampleNames[i]}
            </button>
          ))}
        </div>
      </div>
    </>
  );
}
