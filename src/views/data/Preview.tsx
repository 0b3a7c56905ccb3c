import { useEffect } from "react";
import { judgeDraft, editsForRows, type DataState } from "../../store";
import { count, decimals } from "../format";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { hashOf } from "../routes";
import { useActions, useApp, useDataDesk, useDataState } from "../use-app";
import { TokenRow } from "./TokenRow";

const { data: text } = messages;
type Seen = NonNullable<DataState["preview"]>;

/** The rows as both models of the settings would read them. */
export function Preview() {
  const desk = useDataDesk();
  const facts = useDataState((state) => state.facts);
  const seen = useDataState((state) => state.preview);
  const config = useApp(({ draft }) => judgeDraft(draft).config);
  const view = facts && facts.cot === 0 ? "plain" : config?.data.view;
  const asked = facts && config && view ? questionOf(config, view) : undefined;
  const key = asked && JSON.stringify(asked);
  const busy = useDataState((state) => state.progress !== undefined);
  useEffect(() => {
    if (facts && key) desk.preview({ ...(JSON.parse(key) as NonNullable<typeof asked>), all: false }); // two lines above
  }, [desk, facts, key]);
  if (!facts || !asked) return <p className="empty">{text.needFile}</p>;
  return (
    <>
      <dl className="pairs narrow data-question">
        <div>
          <dt>{text.models}</dt>
          <dd>
            <span className="id-teacher">{modelTitle(asked.teacher)}</span>{" "}
            <span className="id-student">{modelTitle(asked.student)}</span>
          </dd>
        </div>
        <div>
          <dt>{text.view}</dt>
          <dd>{text.views[asked.view]}</dd>
        </div>
        <div>
          <dt>{text.maxLength}</dt>
          <dd>{text.tokens(asked.maxLength)}</dd>
        </div>
        <div>
          <dt>{text.maxPrompt}</dt>
          <dd>{text.tokens(asked.maxPrompt)}</dd>
        </div>
      </dl>
      <p className="hint">{text.fromSettings}</p>
      {seen && <Summary seen={seen} />}
      {seen && seen.preview.rows < seen.of && (
        <button type="button" disabled={busy} onClick={() => desk.preview({ ...asked, all: true })}>
          {text.previewAll(seen.of)}
        </button>
      )}
      <UseRows />
      {seen && (
        <>
          <h3>{text.rowsShown}</h3>
          <ul className="token-rows">
            {seen.preview.samples.map((row) => (
              <TokenRow key={row.id} row={row} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Summary({ seen: { preview, of, train, heldOut, question } }: { readonly seen: Seen }) {
  const out = Object.entries(preview.dropped);
  return (
    <div className="data-summary">
      <p>
        {text.sample(preview.rows, of)} <b>{text.usable(preview.usable, preview.rows)}</b>,{" "}
        {text.truncated(preview.truncated)}, {text.out(preview.rows - preview.usable)}.
      </p>
      {out.length > 0 && (
        <ul className="issue">
          {out.map(([reason, n]) => (
            <li key={reason}>
              {count(n)} × {reason}
            </li>
          ))}
        </ul>
      )}
      <p>{text.split(train, heldOut, question.seed)}</p>
      <table className="flow-table lengths">
        <caption>{text.lengths}</caption>
        <thead>
          <tr>
            <th scope="col">{text.side}</th>
            {Object.values(text.statistics).map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {(["teacher", "student"] as const).map((side) => (
            <tr key={side}>
              <th scope="row">
                <span className={`id-${side}`}>{text[side]}</span>
              </th>
              <td>{decimals(preview[side].mean, 1)}</td>
              <td>{count(preview[side].median)}</td>
              <td>{count(preview[side].p95)}</td>
              <td>{count(preview[side].longest)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function UseRows() {
  const desk = useDataDesk();
  const { edit } = useActions();
  const draft = useApp((state) => state.draft);
  const busy = useDataState((state) => state.progress?.stage === "keeping");
  const use = () =>
    desk.keep((key, cot) => {
      for (const [path, value] of editsForRows(draft, key, cot)) edit(path, value);
      location.hash = hashOf("distill", "");
    });
  return (
    <p className="row use-rows">
      <button type="button" className="primary" onClick={use} disabled={busy}>
        {text.use}
      </button>
      <span className="muted">{text.useNote}</span>
    </p>
  );
}

type Config = NonNullable<ReturnType<typeof judgeDraft>["config"]>;

const questionOf = ({ teacher, student, data, seed }: Config, view: Config["data"]["view"]) => ({
  teacher: teacher.replace(/#\w+$/, ""),
  student,
  view,
  maxLength: data.maxLength,
  maxPrompt: data.maxPrompt,
  seed,
});
