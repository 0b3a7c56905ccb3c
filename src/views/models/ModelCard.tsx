import { useId, useState } from "react";
import { choiceName, hostOfSource, type LibraryModel, type Role } from "../../store";
import { bytes } from "../format";
import { messages } from "../messages";
import { useLibrary, useLibraryState } from "../use-app";
import { modelTitle } from "./model-title";
import { UseButtons } from "./UseButtons";

const { models: text } = messages;
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

/** One model that was added: whole or not, its roles, and the way out. */
export function ModelCard({ model }: { readonly model: LibraryModel }) {
  const { key, files, whole, source, mark, savedAt, inspection, broken } = model;
  const at = key.lastIndexOf("@");
  const revision = at > 0 ? key.slice(at + 1) : undefined;
  return (
    <li className="model-card" data-model={key} data-whole={whole}>
      <p className="model-name">
        <b>{modelTitle(key).replace(/ @\S+$/, "")}</b> <span className="muted">{bytes(model.bytes)}</span>
      </p>
      <p className="model-facts muted">
        {key.startsWith("local:") && <span>{text.local}</span>}
        {source && <span>{text.fromHost(hostOfSource(source))}</span>}
        {revision && (
          <span className="mono">{(key.startsWith("local:") ? text.mark : text.revision)(revision)}</span>
        )}
        {mark && <span className="mono">{text.mark(mark)}</span>}
        {inspection && <span>{inspection.modelType}</span>}
        <span>{text.files(files.length)}</span>
        {savedAt !== undefined && <span>{text.saved(day.format(savedAt))}</span>}
      </p>
      {whole ? inspection && <Roles model={model} inspection={inspection} /> : <Partial model={model} />}
      {broken && <p className="issue">{broken}</p>}
      <Delete model={model} />
    </li>
  );
}

function Roles({
  model: { key },
  inspection: { teacher, student },
}: {
  readonly model: LibraryModel;
  readonly inspection: NonNullable<LibraryModel["inspection"]>;
}) {
  const id = useId();
  const forms = teacher.can ? teacher.choices.map(({ dtype = "fp32" }) => dtype) : [];
  const [chosen, setForm] = useState<string>();
  const form = forms.find((known) => known === chosen) ?? forms[0];
  return (
    <>
      {(["teacher", "student"] as const).map((role) => (
        <RoleFact key={role} name={role} role={role === "teacher" ? teacher : student} />
      ))}
      {forms.length > 1 && (
        <p className="row">
          <label htmlFor={id}>{text.form}</label>
          <select id={id} value={form} onChange={(event) => setForm(event.target.value)}>
            {forms.map((option) => (
              <option key={option} value={option}>
                {text.forms[option] ?? option}
              </option>
            ))}
          </select>
        </p>
      )}
      <UseButtons teacher={form && choiceName(key, form)} student={student.can ? key : undefined} />
    </>
  );
}

function RoleFact({ name, role }: { readonly name: "teacher" | "student"; readonly role: Role }) {
  const least = role.can ? Math.min(...role.choices.map(({ memoryBytes }) => memoryBytes)) : 0;
  return (
    <p>
      {role.can ? (
        <>
          <span className={`id-${name}`}>{text.role[name]}</span>{" "}
          <span className="muted">
            {text.memory(bytes(least))}
            {role.choices.every(({ made }) => made) && <>, {text.made}</>}
          </span>
        </>
      ) : (
        <span className="muted">
          {text.cannot[name]}: {role.why}
        </span>
      )}
    </p>
  );
}

function Partial({ model: { bytes: here, missing, source } }: { readonly model: LibraryModel }) {
  const { download } = useLibrary();
  const busy = useLibraryState((state) => state.transfer !== undefined);
  return (
    <>
      <p className="issue">{text.partial(here, missing.length)}</p>
      {source ? (
        <button type="button" disabled={busy} onClick={() => download(source, missing)}>
          {text.resume(hostOfSource(source))}
        </button>
      ) : (
        <p className="muted">{text.dropAgain}</p>
      )}
    </>
  );
}

function Delete({ model: { key, bytes: size } }: { readonly model: LibraryModel }) {
  const { remove } = useLibrary();
  const [sure, setSure] = useState(false);
  if (!sure)
    return (
      <button type="button" className="quiet" onClick={() => setSure(true)}>
        {text.delete}
      </button>
    );
  return (
    <p className="row" role="group" aria-label={text.deleteSure(bytes(size))}>
      <span>{text.deleteSure(bytes(size))}</span>
      <button type="button" onClick={() => remove(key)}>
        {text.deleteYes}
      </button>
      <button type="button" className="quiet" onClick={() => setSure(false)}>
        {text.deleteNo}
      </button>
    </p>
  );
}
