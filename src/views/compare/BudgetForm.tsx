import { useState } from "react";
import { useStore } from "zustand";
import { type Labels, labelsText } from "../../config/labels";
import { DEFAULT_RUN, PRESETS } from "../../config/presets";
import {
  type Budget,
  canonical,
  isBundled,
  validateDraft,
  labelsOf,
  type PresetId,
  type Setting,
} from "../../store";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { Segmented } from "../shell/Segmented";
import { useActions, useApp, useAppParts } from "../use-app";

const { compare: text } = messages;
const PRESET_IDS = Object.keys(PRESETS) as PresetId[]; // keys of a const object

/** What is compared, and what each run may take. */
export function BudgetForm() {
  const { comparison } = useAppParts();
  const { budget, running } = useStore(comparison.store);
  const device = useApp((state) => state.device.kind);
  const distill = useApp(({ draft }) => validateDraft(draft).config);
  const chosen = (preset: PresetId) => budget.presets.includes(preset);
  const toggle = (preset: PresetId) =>
    comparison.change({
      presets: chosen(preset) ? budget.presets.filter((id) => id !== preset) : [...budget.presets, preset],
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
          onChange={(whose) =>
            comparison.change(whose === "distill" && distill ? onDistill(distill) : { setting: undefined })
          }
        />
        <p className="hint">{settingText(budget.setting ?? DEFAULT_RUN)}</p>
        {budget.setting && distill && !sameSetting(budget.setting, distill) && (
          <button
            type="button"
            className="quiet"
            disabled={running}
            onClick={() => comparison.change(onDistill(distill))}
          >
            {text.settingAgain(settingText(distill))}
          </button>
        )}
      </div>
      <LabelsField />
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
            return typed.trim() !== "" &&
              (key === "share" || Number.isInteger(value)) &&
              value >= low &&
              value <= high
              ? { [key]: value }
              : undefined;
          }}
        />
      ))}
      <p className="field-wide hint">
        {timed ? text.totalTimed(many, budget.seconds, budget.steps) : text.total(many, budget.steps)}
      </p>
      <StartButtons usable={usable && device === "open"} />
      {device !== "open" && !running && <p className="field-wide hint">{text.needsGpu[device]}</p>}
    </form>
  );
}

const REGIMES: Readonly<Record<keyof typeof text.regimes, Labels>> = {
  all: "all",
  "noisy 0.3": { noisy: 0.3 },
  "noisy 0.5": { noisy: 0.5 },
  "few none": { few: 240, rest: "none" },
  "few teacher": { few: 240, rest: "teacher" },
};

/** What is done to the training rows' labels. Chains of own rows cannot be made to err. */
function LabelsField() {
  const { comparison } = useAppParts();
  const { budget, running } = useStore(comparison.store);
  const labels = labelsOf(budget);
  const regimes = Object.entries(REGIMES) as [keyof typeof REGIMES, Labels][]; // keys of a const object
  const chosen = regimes.find(([, of]) => canonical(of) === canonical(labels))?.[0] ?? "all";
  const own = budget.setting !== undefined && !isBundled(budget.setting);
  return (
    <div className="field field-wide">
      <label>
        {text.labels}
        <select
          value={chosen}
          disabled={running}
          onChange={(event) => {
            const found = regimes.find(([name]) => name === event.target.value);
            if (found) comparison.change({ labels: found[1] });
          }}
        >
          {regimes.map(([name, of]) => (
            <option key={name} value={name} disabled={own && of !== "all" && "noisy" in of}>
              {text.regimes[name]}
            </option>
          ))}
        </select>
      </label>
      <p className="hint">{labelsText(labels)}</p>
    </div>
  );
}

/** Start, stop, and a question first where a run of Distill would be interrupted. */
function StartButtons({ usable }: { readonly usable: boolean }) {
  const { comparison } = useAppParts();
  const { pause } = useActions();
  const { runs, running } = useStore(comparison.store);
  const trains = useApp(({ run }) => run.status === "running");
  const standing = useApp(({ run }) => text.interrupts(run.step, run.config?.steps ?? 0));
  const [asks, ask] = useState(false);
  const waiting = runs.filter(({ status }) => status !== "done").length;
  const again = runs.length > 0 && waiting === 0;
  const start = () => {
    ask(false);
    if (trains) pause();
    void comparison.start(again);
  };
  if (running)
    return (
      <div className="field-wide row">
        <button type="button" className="primary" onClick={comparison.stop}>
          {text.stop}
        </button>
      </div>
    );
  if (asks && trains)
    return (
      <div className="field-wide question-box" role="alert">
        <p>{standing}</p>
        <div className="row">
          <button type="button" className="primary" onClick={start}>
            {text.interrupt}
          </button>
          <button type="button" className="quiet" onClick={() => ask(false)}>
            {text.dontInterrupt}
          </button>
        </div>
      </div>
    );
  return (
    <div className="field-wide row">
      <button
        type="button"
        className={again ? undefined : "primary"}
        disabled={!usable}
        onClick={() => (trains ? ask(true) : start())}
      >
        {again ? text.again : waiting > 0 ? text.goOn(waiting) : text.start}
      </button>
    </div>
  );
}

/** Distill's models and rows, with what it does to their labels. */
const onDistill = (distill: Setting): Partial<Budget> => ({
  setting: settingOf(distill),
  labels: distill.data.labels,
});
const settingOf = ({ teacher, student, data, seed }: Setting): Setting => ({ teacher, student, data, seed });
const sameSetting = (a: Setting, b: Setting): boolean => canonical(settingOf(a)) === canonical(settingOf(b));

const settingText = ({ teacher, student, data }: Setting): string =>
  text.on(modelTitle(teacher), modelTitle(student), modelTitle(data.source));

const FIELDS = ["steps", "batchSize", "share", "rows", "probe"] as const;
const BOUNDS = {
  steps: [1, 100_000],
  seconds: [1, 86_400],
  batchSize: [1, 64],
  share: [0, 1],
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
  const [from, setFrom] = useState(value);
  if (from !== value) {
    // Changed from elsewhere: the runs of an earlier visit bring their own budget.
    setFrom(value);
    if (JSON.stringify(read(typed)) !== JSON.stringify(read(value))) setTyped(value);
  }
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
