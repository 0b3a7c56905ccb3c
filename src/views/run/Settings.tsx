import { PRESETS } from "../../config/presets";
import { validateDraft, needsApply, sameConfig, type FormField, type PresetId } from "../../store";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useActions, useApp } from "../use-app";
import { ConfigDialog } from "./ConfigDialog";
import { Field, useFields } from "./Field";
import { MemoryFacts } from "./MemoryFacts";
import { RunFactsList } from "./RunFactsList";
import { useNames } from "./use-names";

const PRESET_IDS = Object.keys(PRESETS) as PresetId[]; // keys of a const object

/** What a person changes first; everything else is in the groups below. */
const MAIN = [
  /^student$/,
  /^data\.view$/,
  /^method\./,
  /^optimizer\.learningRate$/,
  /^batchSize$/,
  /^steps$/,
  /^seed$/,
];
/** Of the method, only for those who look: the solver's own settings. */
const FINE =
  /^method\.transport\.(relative|maxIterations|tolerance|gradient|scheme|embedding|hidden|layers|layerWeights|marginals)$/;
const GROUPS = {
  rollout: /^rollout\./,
  data: /^(teacher|data\.|evaluation\.|probe\.)/,
  optimizer: /^optimizer\./,
  training: /^/,
} as const;

export function Settings() {
  const fields = useFields();
  const main = MAIN.flatMap((pattern) => fields.filter(({ path }) => pattern.test(path) && !FINE.test(path)));
  const fine = fields.filter(({ path }) => FINE.test(path));
  const rest = fields.filter((field) => !main.includes(field) && !fine.includes(field));
  const groups = Object.entries(GROUPS) as [keyof typeof GROUPS, RegExp][]; // keys of a const object
  const groupOf = (path: string) => groups.find(([, pattern]) => pattern.test(path))?.[0];
  return (
    <div className="rail">
      <Panel title={messages.settings.title} name="settings">
        <form className="fields" onSubmit={(event) => event.preventDefault()}>
          <PresetField />
          <Fields fields={main} />
          {fine.length > 0 && <Group title={messages.settings.solver} fields={fine} />}
          {groups.map(([name]) => (
            <Group
              key={name}
              title={messages.settings.groups[name]}
              fields={rest.filter(({ path }) => groupOf(path) === name)}
            />
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

export function Fields({ fields }: { readonly fields: readonly FormField[] }) {
  const names = useNames();
  return fields.map((field) => {
    const options = names[field.path];
    return <Field key={field.path} field={field} {...(options && { options })} />;
  });
}

/** Folded until something in it is changed or wrong. */
function Group({ title, fields }: { readonly title: string; readonly fields: readonly FormField[] }) {
  const marked = useApp(({ draft }) => {
    const { issues, changed } = validateDraft(draft);
    return fields.filter(({ path }) => issues[path] !== undefined || changed.includes(path)).length;
  });
  return (
    <details className="field-wide group" open={marked > 0 || undefined}>
      <summary>
        {title} {marked > 0 && <span className="muted">{messages.settings.marked(marked)}</span>}
      </summary>
      <div className="fields">
        <Fields fields={fields} />
      </div>
    </details>
  );
}

function PresetField() {
  const preset = useApp((state) => state.draft.preset);
  const changes = useApp((state) => validateDraft(state.draft).changed.length);
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
  const others = useApp((state) => validateDraft(state.draft).others.join("\n"));
  return others ? (
    <p className="issue" role="alert">
      {others}
    </p>
  ) : null;
}

function ApplyBar() {
  const pending = useApp((state) => state.run.config !== undefined && needsApply(state));
  const usable = useApp((state) => validateDraft(state.draft).config !== undefined);
  const planned = useApp(({ draft, memoryPlan }) =>
    memoryPlan && sameConfig(memoryPlan.config, validateDraft(draft).config) ? memoryPlan.plan : undefined,
  );
  const { load, discardEdits, planMemory } = useActions();
  if (!pending) return null;
  return (
    <div className="apply">
      <p className="hint">{messages.settings.pendingNote}</p>
      <div className="row">
        <button type="button" disabled={!usable} onClick={load}>
          {messages.settings.apply}
        </button>
        <button type="button" className="quiet" onClick={discardEdits}>
          {messages.settings.discard}
        </button>
        {!planned && (
          <button type="button" className="quiet" disabled={!usable} onClick={planMemory}>
            {messages.memory.ask}
          </button>
        )}
      </div>
      {planned && <MemoryFacts plan={planned} />}
    </div>
  );
}
