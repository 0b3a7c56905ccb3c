import { useEffect } from "react";
import { splitSeedOf } from "../../config/run";
import { validateDraft, editsForRows, type DataState } from "../../store";
import { count, decimals, percent } from "../format";
import { messages } from "../messages";
import { useFields } from "../run/Field";
import { Fields } from "../run/Settings";
import { hashOf } from "../routes";
import { useActions, useApp, useDataset, useDataState } from "../use-app";
import { TokenRow } from "./TokenRow";

const { data: text } = messages;
type Seen = NonNullable<DataState["preview"]>;

/** The rows as both models of the settings would read them. */
export function Preview() {
  const dataset = useDataset();
  const facts = useDataState((state) => state.facts);
  const seen = useDataState((state) => state.preview);
  const config = useApp(({ draft }) => validateDraft(draft).config);
  const view = facts && facts.cot === 0 ? "plain" : config?.data.view;
  const asked = facts && config && view ? questionOf(config, view) : undefined;
  const key = asked && JSON.stringify(asked);
  const busy = useDataState((state) => state.progress !== undefined);
  useEffect(() => {
    if (facts && key) dataset.preview({ ...(JSON.parse(key) as NonNullable<typeof asked>), all: false }); // two lines above
  }, [dataset, facts, key]);
  if (!facts) return <p className="empty">{text.needFile}</p>;
  return (
    <>
      <Question plainOnly={facts.cot === 0} />
      {seen && <Summary seen={seen} />}
      {seen && asked && seen.preview.rows < seen.of && (
        <button type="button" disabled={busy} onClick={() => dataset.preview({ ...asked, all: true })}>
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

/** Settings of the run that decide how rows are cut: they are those of Distill, and change there too. */
const CUTTING = [
  "teacher",
  "student",
  "data.view",
  "data.maxLength",
  "data.maxPrompt",
  "data.specialTokens",
  "seed",
];

function Question({ plainOnly }: { readonly plainOnly: boolean }) {
  const all = useFields();
  const shown = plainOnly ? CUTTING.filter((path) => path !== "data.view") : CUTTING;
  const fields = shown.flatMap((path) => all.find((field) => field.path === path) ?? []);
  return (
    <>
      <div className="fields data-question">
        <Fields fields={fields} />
      </div>
      <p className="hint">
        {text.fromSettings} {plainOnly && text.plainOnly}
      </p>
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
      {preview.limitLines.map((line) => (
        <p className="issue" key={line}>
          {line}
        </p>
      ))}
      <CoverageLine coverage={preview.coverage} usable={preview.usable} />
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

/** How much of the outputs both models read as the same text: what methods that align by chunks would learn from. */
function CoverageLine({
  coverage: { student, teacher, empty },
  usable,
}: {
  readonly coverage: Seen["preview"]["coverage"];
  readonly usable: number;
}) {
  if (usable === 0) return null;
  const few = Math.min(student, teacher) < 0.5;
  const said = messages.coverage;
  return (
    <p className={few || empty > 0 ? "issue" : ""}>
      {said.textTakes(percent(student), percent(teacher))} {empty > 0 && said.textEmpty(empty)}{" "}
      {few && said.textFew}
    </p>
  );
}

function UseRows() {
  const dataset = useDataset();
  const actions = useActions();
  const draft = useApp((state) => state.draft);
  const busy = useDataState((state) => state.progress?.stage === "keeping");
  const use = () =>
    dataset.keep((key, cot) => {
      actions.use(editsForRows(draft, key, cot));
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

type Config = NonNullable<ReturnType<typeof validateDraft>["config"]>;

const questionOf = (config: Config, view: Config["data"]["view"]) => ({
  teacher: config.teacher.replace(/#\w+$/, ""),
  student: config.student,
  view,
  maxLength: config.data.maxLength,
  maxPrompt: config.data.maxPrompt,
  specialTokens: config.data.specialTokens,
  seed: splitSeedOf(config),
});
