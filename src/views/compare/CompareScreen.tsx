import { useState } from "react";
import { useStore } from "zustand";
import { PRESETS } from "../../config/presets";
import { summarize, type Budget, type ComparedRun, type PresetId } from "../../store";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useApp, useAppParts } from "../use-app";
import { Curves } from "./Curves";
import { SummaryTable } from "./SummaryTable";

const { compare: text } = messages;
const PRESET_IDS = Object.keys(PRESETS) as PresetId[]; // keys of a const object

/** Methods side by side: the same rows, seeds and steps for each. */
export function CompareScreen() {
  const { comparison } = useAppParts();
  const { runs } = useStore(comparison.store);
  return (
    <div className="compare">
      <div className="rail">
        <Panel title={text.budget} name="budget">
          <BudgetForm />
        </Panel>
      </div>
      <div className="compare-results">
        <Panel title={text.table} name="table">
          {runs.length > 0 ? (
            <SummaryTable summaries={summarize(runs)} />
          ) : (
            <p className="empty">{text.empty}</p>
          )}
        </Panel>
        <Panel title={text.curves} name="curves">
          {runs.some(({ loss }) => loss.length > 0) ? (
            <Curves runs={runs} />
          ) : (
            <p className="empty">{text.none}</p>
          )}
        </Panel>
        <Panel title={text.runs} name="runs">
          <RunList runs={runs} />
        </Panel>
      </div>
    </div>
  );
}

function BudgetForm() {
  const { comparison } = useAppParts();
  const { budget, running } = useStore(comparison.store);
  const ready = useApp(({ device, run }) => device.kind === "open" && run.status !== "loading");
  const chosen = (preset: PresetId) => budget.presets.includes(preset);
  const toggle = (preset: PresetId) =>
    comparison.change({
      presets: PRESET_IDS.filter((id) => (id === preset ? !chosen(id) : chosen(id))),
    });
  const usable = budget.presets.length >= 1 && budget.seeds.length >= 1;
  return (
    <form className="fields" onSubmit={(event) => event.preventDefault()}>
      <fieldset className="field-wide methods" disabled={running}>
        <legend>{text.methods}</legend>
        {PRESET_IDS.map((id) => (
          <label key={id}>
            <input type="checkbox" checked={chosen(id)} onChange={() => toggle(id)} /> {PRESETS[id].title}
          </label>
        ))}
      </fieldset>
      <ListField
        name={text.seeds}
        value={budget.seeds.join(", ")}
        disabled={running}
        read={(typed) => {
          const seeds = [
            ...new Set(
              typed
                .split(/[\s,]+/)
                .filter(Boolean)
                .map(Number),
            ),
          ];
          return seeds.length > 0 && seeds.every((seed) => Number.isInteger(seed) && seed >= 0)
            ? { seeds }
            : undefined;
        }}
      />
      {(["steps", "batchSize", "rows"] as const).map((key) => (
        <ListField
          key={key}
          name={text.fields[key]}
          value={String(budget[key])}
          disabled={running}
          read={(typed) => {
            const value = Number(typed);
            const [low, high] = BOUNDS[key];
            return typed.trim() !== "" && Number.isInteger(value) && value >= low && value <= high
              ? { [key]: value }
              : undefined;
          }}
        />
      ))}
      <p className="field-wide hint">
        {text.total(budget.presets.length * budget.seeds.length, budget.steps)}
      </p>
      <div className="field-wide row">
        {running ? (
          <button type="button" className="primary" onClick={comparison.stop}>
            {text.stop}
          </button>
        ) : (
          <button
            type="button"
            className="primary"
            disabled={!ready || !usable}
            onClick={() => void comparison.start()}
          >
            {text.start}
          </button>
        )}
      </div>
      {!ready && !running && <p className="field-wide hint">{text.needsGpu}</p>}
    </form>
  );
}

const BOUNDS = { steps: [1, 100_000], batchSize: [1, 64], rows: [0, 2000] } as const;

interface ListFieldProps {
  readonly name: string;
  readonly value: string;
  readonly disabled: boolean;
  /** Undefined when what was typed makes no sense. */
  readonly read: (typed: string) => Partial<Budget> | undefined;
}

/** Kept as typed; only what makes sense changes the budget. */
function ListField({ name, value, disabled, read }: ListFieldProps) {
  const { comparison } = useAppParts();
  const [typed, setTyped] = useState(value);
  return (
    <div className="field">
      <label>
        {name}
        <input
          inputMode="numeric"
          disabled={disabled}
          value={typed}
          aria-invalid={read(typed) === undefined}
          onChange={(event) => {
            setTyped(event.target.value);
            const part = read(event.target.value);
            if (part) comparison.change(part);
          }}
        />
      </label>
    </div>
  );
}

function RunList({ runs }: { readonly runs: readonly ComparedRun[] }) {
  const step = useApp(({ run }) => run.step);
  if (runs.length === 0) return <p className="empty">{text.empty}</p>;
  return (
    <ol className="run-list">
      {runs.map((run) => (
        <li key={`${run.preset} ${run.seed}`} data-status={run.status}>
          <b>{PRESETS[run.preset].title}</b> <span className="muted">{text.seed(run.seed)}</span>{" "}
          <span role="status">
            {text.status[run.status]}
            {run.status === "running" && ` · ${text.at(step)}`}
          </span>
          {run.answer && <p className="muted">{run.answer}</p>}
          {run.failure && <p className="issue">{run.failure}</p>}
        </li>
      ))}
    </ol>
  );
}
