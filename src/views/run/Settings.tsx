import { COST_KINDS } from "../../config/run";
import { PRESETS } from "../../config/presets";
import { judgeDraft, needsApply, type FieldPath, type PresetId } from "../../store";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useActions, useApp } from "../use-app";
import { ConfigDialog } from "./ConfigDialog";
import { ChoiceField, NumberField } from "./Field";
import { RunFactsList } from "./RunFactsList";

const PRESET_IDS = Object.keys(PRESETS) as PresetId[]; // keys of a const object

const NUMBER_FIELDS: readonly FieldPath[] = [
  "method.kdRate",
  "method.transport.epsilon",
  "optimizer.learningRate",
  "steps",
  "batchSize",
  "seed",
];

export function Settings() {
  return (
    <div className="rail">
      <Panel title={messages.settings.title} name="settings">
        <form className="fields" onSubmit={(event) => event.preventDefault()}>
          <PresetField />
          <ChoiceField path="method.id" options={["cot2align", "sft"]} />
          <ChoiceField path="data.view" options={["cot", "plain"]} />
          <ChoiceField path="method.transport.cost" options={COST_KINDS} />
          {NUMBER_FIELDS.map((path) => (
            <NumberField key={path} path={path} />
          ))}
          <OtherIssues />
          <ApplyBar />
        </form>
        <ConfigDialog />
      </Panel>
      <RunFactsList />
    </div>
  );
}

function PresetField() {
  const preset = useApp((state) => state.draft.preset);
  const changes = useApp((state) => judgeDraft(state.draft).changes);
  const { choosePreset } = useActions();
  return (
    <div className="field field-wide">
      <label htmlFor="preset">{messages.settings.preset}</label>
      <select
        id="preset"
        value={preset}
        onChange={(event) => {
          const id = PRESET_IDS.find((candidate) => candidate === event.target.value);
          if (id) choosePreset(id);
        }}
      >
        {PRESET_IDS.map((id) => (
          <option key={id} value={id}>
            {PRESETS[id].title}
          </option>
        ))}
        {preset === "imported" && <option value="imported">{messages.settings.imported}</option>}
      </select>
      <p className="hint">{changes > 0 && messages.settings.changed(changes)}</p>
    </div>
  );
}

function OtherIssues() {
  const others = useApp((state) => judgeDraft(state.draft).others.join("\n"));
  return others ? (
    <p className="issue" role="alert">
      {others}
    </p>
  ) : null;
}

function ApplyBar() {
  const pending = useApp((state) => state.run.config !== undefined && needsApply(state));
  const usable = useApp((state) => judgeDraft(state.draft).config !== undefined);
  const { load, discardEdits } = useActions();
  if (!pending) return null;
  return (
    <div className="apply">
      <p className="hint">{messages.settings.pendingNote}</p>
      <div className="row">
        <button type="button" className="primary" disabled={!usable} onClick={load}>
          {messages.settings.apply}
        </button>
        <button type="button" className="quiet" onClick={discardEdits}>
          {messages.settings.discard}
        </button>
      </div>
    </div>
  );
}
