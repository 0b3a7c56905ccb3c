import { useId, type ReactNode } from "react";
import { COST_KINDS, GRADIENTS } from "../../config/transport";
import {
  FEATURES,
  MASSES,
  PROJECTORS,
  RELAXED,
  SOLVERS,
  type TransportView,
} from "../../config/transport-view";
import { presetOf } from "../../store";
import { LogSlider } from "../figure/LogSlider";
import { significant } from "../format";
import { optionName } from "../run/field-names";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { useTransportScreen, useTransportState } from "../use-app";

const { transport: text } = messages;

/** What a token is, what distance is, and how the plan is found. */
export function SettingsPanel() {
  const view = useTransportState((state) => state.view);
  const transportScreen = useTransportScreen();
  const preset = presetOf(view);
  return (
    <Panel title={text.settings} name="transport-settings">
      <div className="fields">
        <Choice
          label={text.features}
          value={view.features}
          options={FEATURES.map((value) => [value, text.featureNames[value]])}
          onChange={(features) => transportScreen.change({ features })}
          note={view.features === "bytes" ? text.bytesNote : undefined}
        />
        {view.features !== "bytes" && (
          <Choice
            label={text.projector}
            value={view.projector}
            options={PROJECTORS.map((value) => [value, text.projectorNames[value]])}
            onChange={(projector) => transportScreen.change({ projector })}
            note={<ProjectorNote />}
          />
        )}
        <Choice
          label={text.cost}
          value={view.cost}
          options={COST_KINDS.map((value) => [value, optionName("method.transport.cost", value)])}
          onChange={(cost) => transportScreen.change({ cost })}
        />
        <div className="field field-wide">
          <span className="label">{text.scheme}</span>
          <Segmented
            label={text.scheme}
            options={(["intended", "published"] as const).map((value) => ({
              value,
              text: text.schemeNames[value],
            }))}
            value={preset}
            onChange={transportScreen.choosePreset}
          />
          <p className="hint">{text.schemeNotes[preset ?? "own"]}</p>
        </div>
        <Marginals view={view} />
        <Choice
          label={text.gradient}
          value={view.gradient}
          options={GRADIENTS.map((value) => [value, text.gradientNames[value]])}
          onChange={(gradient) => transportScreen.change({ gradient })}
        />
        <div className="field field-wide">
          <span className="label">{text.solver}</span>
          <Segmented
            label={text.solver}
            options={SOLVERS.map((value) => ({ value, text: text.solverNames[value] }))}
            value={view.solver}
            onChange={(solver) => transportScreen.change({ solver })}
          />
          <p className="hint">{text.solverNotes[view.solver]}</p>
        </div>
      </div>
    </Panel>
  );
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onChange: (value: T) => void;
  readonly disabled?: boolean;
  readonly note?: ReactNode;
}

function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
  disabled = false,
  note,
}: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className="field field-wide">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={(event) => {
          const chosen = options.find(([option]) => option === event.target.value);
          if (chosen) onChange(chosen[0]);
        }}
      >
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
      {note && <p className="hint">{note}</p>}
    </div>
  );
}

/** What the tokens weigh, and whether all of it must be moved. */
function Marginals({ view }: { readonly view: TransportView }) {
  const transportScreen = useTransportScreen();
  const multiplicative = view.scheme === "multiplicative";
  return (
    <>
      <Choice
        label={text.masses}
        value={view.masses}
        options={MASSES.map((value) => [value, text.massesNames[value]])}
        onChange={(masses) => transportScreen.change({ masses })}
      />
      <Choice
        label={text.relaxed}
        value={view.relaxed}
        options={RELAXED.map((value) => [value, text.relaxedNames[value]])}
        onChange={(relaxed) => transportScreen.change({ relaxed })}
        disabled={multiplicative}
        note={multiplicative ? text.relaxedNotHere : view.relaxed === "none" ? undefined : text.relaxedNote}
      />
      {view.relaxed !== "none" && (
        <LogSlider
          name={text.tau}
          letter="τ"
          className="field-wide"
          shown={messages.figure.epsilon.inMeanCosts(significant(view.tau))}
          range={TAU_RANGE}
          value={view.tau}
          onChange={(tau) => transportScreen.change({ tau })}
        />
      )}
    </>
  );
}

/** How the teacher's states came into the student's space: said, because a plan depends on it. */
function ProjectorNote() {
  const fit = useTransportState((state) => state.solved?.fit);
  const random = useTransportState((state) => state.view.projector === "random");
  if (random) return text.randomNote;
  return fit ? text.fitNote(fit.pairs, fit.rows, fit.explained) : null;
}

const TAU_RANGE = [-2, 2] as const;
