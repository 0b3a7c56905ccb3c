import { useState } from "react";
import { useStore } from "zustand";
import { FIRST_LIGHT, PRESETS } from "../../config/presets";
import { type Budget, judgeDraft, type PresetId, type Setting } from "../../store";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { Segmented } from "../shell/Segmented";
import { useApp, useAppParts } from "../use-app";

const { compare: text } = messages;
const PRESET_IDS = Object.keys(PRESETS) as PresetId[]; // keys of a const object

/** What is compared, and what each run may take. */
export function BudgetForm() {
  const { comparison } = useAppParts();
  const { budget, running } = useStore(comparison.store);
  const ready = useApp(({ device, run }) => device.kind === "open" && run.status !== "loading");
  const distill = useApp(({ draft }) => judgeDraft(draft).config);
  const chosen = (preset: PresetId) => budget.presets.includes(preset);
  const toggle = (preset: PresetId) =>
    comparison.change({
      presets: PRESET_IDS.filter((id) => (id === preset ? !chosen(id) : chosen(id))),
    });
  const timed = budget.limit === "seconds";
  const fields = timed ? (["seconds", ...FIELDS] as const) : FIELDS;
  const many = budget.presets.length * budget.seeds.length;
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
      <div className="field-wide">
        <Segmented
          label={text.settingLabel}
          options={text.settings.map((option) => ({ ...option, disabled: !distill }))}
          value={budget.setting ? "distill" : "presets"}
          disabled={running}
          onChange={(whose) => comparison.change({ setting: whose === "distill" ? distill : undefined })}
        />
        <p className="hint">{settingText(budget.setting ?? FIRST_LIGHT)}</p>
      </div>
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
      <Segmented
        label={text.limitLabel}
        options={LIMITS}
        value={budget.limit}
        disabled={running}
        onChange={(limit) => comparison.change({ limit })}
      />
      {fields.map((key) => (
        <ListField
          key={key}
          name={key === "steps" && timed ? text.mostSteps : text.fields[key]}
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
        {timed ? text.totalTimed(many, budget.seconds, budget.steps) : text.total(many, budget.steps)}
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

const settingText = ({ teacher, student, data }: Setting): string =>
  text.on(modelTitle(teacher), modelTitle(student), modelTitle(data.source));

const FIELDS = ["steps", "batchSize", "rows", "probe"] as const;
const BOUNDS = {
  steps: [1, 100_000],
  seconds: [1, 86_400],
  batchSize: [1, 64],
  rows: [0, 2000],
  probe: [0, 100_000],
} as const;
const LIMITS = (["steps", "seconds"] as const).map((value) => ({ value, text: text.limits[value] }));

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
