import { useId, useMemo, useState } from "react";
import {
  hostOfSource,
  type Choice,
  type FileFact,
  type LibraryModel,
  type LookedUp,
  type ModelRole,
  type Role,
} from "../../store";
import { bytes } from "../format";
import { messages } from "../messages";
import { useLibrary, useLibraryState } from "../use-app";
import { modelTitle } from "./model-title";

const { models: text } = messages;
const ROLES = ["teacher", "student"] as const;

/** A model that was looked up: what it could be here, which files that takes, and the button that says the bytes. */
export function Found() {
  const found = useLibraryState((state) => state.found);
  const models = useLibraryState((state) => state.models);
  const now = useMemo(() => found && withStored(found, models), [found, models]);
  return now ? <FoundModel key={now.inspection.key} found={now} /> : null;
}

function FoundModel({ found }: { readonly found: LookedUp }) {
  const { inspection } = found;
  const { forgetFound, download } = useLibrary();
  const busy = useLibraryState((state) => state.transfer !== undefined);
  const [wanted, setWanted] = useState<Readonly<Record<ModelRole, number | undefined>>>(() =>
    firstChoices(found),
  );
  const chosen = ROLES.flatMap((role) => choiceOf(found, role, wanted[role]) ?? []);
  const files = union(chosen);
  const missing = files.reduce((sum, { bytes: size = 0, stored }) => sum + Math.max(0, size - stored), 0);
  const { source } = inspection;
  return (
    <section className="found" aria-label={text.found}>
      <h3>
        {modelTitle(inspection.key)} <span className="muted">{inspection.modelType}</span>
      </h3>
      {ROLES.map((role) => (
        <RoleChoice
          key={role}
          {...{ role, found }}
          value={wanted[role]}
          onChange={(index) => setWanted({ ...wanted, [role]: index })}
        />
      ))}
      <FileTable files={inspection.files} needed={files} />
      <p className="row">
        {source && files.length > 0 && missing === 0 ? (
          <span role="status">{text.allHere}</span>
        ) : (
          <button
            type="button"
            className="primary"
            disabled={!source || busy || files.length === 0}
            onClick={() =>
              source &&
              download(
                source,
                files.map(({ path, bytes: size }) => ({ path, ...(size !== undefined && { bytes: size }) })),
              )
            }
          >
            {files.length === 0
              ? text.nothingChosen
              : text.download(bytes(missing), source ? hostOfSource(source) : "")}
          </button>
        )}
        <button type="button" className="quiet" onClick={forgetFound}>
          {text.forget}
        </button>
      </p>
    </section>
  );
}

interface RoleChoiceProps {
  readonly role: ModelRole;
  readonly found: LookedUp;
  /** Which of the choices; undefined: not in this role. */
  readonly value: number | undefined;
  readonly onChange: (index: number | undefined) => void;
}

function RoleChoice({ role, found, value, onChange }: RoleChoiceProps) {
  const id = useId();
  const part = found.inspection[role];
  if (!part.can)
    return (
      <p className="muted" data-role={role}>
        {text.cannot[role]}: {part.why}
      </p>
    );
  const shown = part.choices[value ?? 0];
  const misfit = found.fitProblems[role][value ?? 0];
  return (
    <div className="role-choice" data-role={role}>
      <p className="row">
        <input
          id={id}
          type="checkbox"
          checked={value !== undefined}
          onChange={(event) => onChange(event.target.checked ? 0 : undefined)}
        />
        <label htmlFor={id} className={`id-${role}`}>
          {text.take[role]}
        </label>
        {part.choices.length > 1 && (
          <select
            aria-label={text.form}
            value={value ?? 0}
            onChange={(event) => onChange(Number(event.target.value))}
          >
            {part.choices.map(({ dtype = "" }, index) => (
              <option key={dtype} value={index}>
                {text.forms[dtype] ?? dtype}
              </option>
            ))}
          </select>
        )}
      </p>
      {shown && (
        <p className="muted">
          {shown.missingBytes === 0
            ? text.allHere
            : text.toCome(bytes(shown.bytes), bytes(shown.missingBytes))}{" "}
          · {text.memory(bytes(shown.memoryBytes))}
          {shown.made && <> · {text.made}</>} · {misfit ? "" : text.fits}
        </p>
      )}
      {misfit && <p className="issue">{text.doesNotFit(misfit)}</p>}
    </div>
  );
}

function FileTable({
  files,
  needed,
}: {
  readonly files: readonly FileFact[];
  readonly needed: readonly FileFact[];
}) {
  const isNeeded = ({ path }: FileFact) => needed.some((file) => file.path === path);
  const sorted = files.toSorted((a, b) => Number(isNeeded(b)) - Number(isNeeded(a)));
  return (
    <details open={files.length <= 12}>
      <summary>{text.listed(files.length)}</summary>
      <div className="file-scroll" tabIndex={0} role="region" aria-label={text.listed(files.length)}>
        <table className="flow-table file-table">
          <thead>
            <tr>
              <th scope="col">{text.file}</th>
              <th scope="col">{text.size}</th>
              <th scope="col">{text.here_}</th>
              <th scope="col">{text.needed}</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((file) => (
              <tr key={file.path}>
                <td className="mono">{file.path}</td>
                <td>{file.bytes === undefined ? text.unknownSize : bytes(file.bytes)}</td>
                <td>{hereText(file)}</td>
                <td>{isNeeded(file) ? "✓" : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function hereText({ bytes: size, stored }: FileFact): string {
  if (stored === 0) return text.no;
  return size !== undefined && stored < size ? text.partly(bytes(stored)) : text.yes;
}

/** What came or went since the model was looked up. */
function withStored(found: LookedUp, models: readonly LibraryModel[] | undefined): LookedUp {
  const { inspection } = found;
  const here = models?.find(({ key }) => key === inspection.key)?.files ?? [];
  const stored = new Map(here.map(({ path, bytes: size }) => [path, size]));
  const fact = (file: FileFact): FileFact => ({ ...file, stored: stored.get(file.path) ?? 0 });
  const role = (part: Role): Role =>
    part.can ? { can: true, choices: part.choices.map((choice) => again(choice, fact)) } : part;
  return {
    ...found,
    inspection: {
      ...inspection,
      files: inspection.files.map(fact),
      teacher: role(inspection.teacher),
      student: role(inspection.student),
    },
  };
}

function again(choice: Choice, fact: (file: FileFact) => FileFact): Choice {
  const files = choice.files.map(fact);
  const missingBytes = files.reduce(
    (sum, { bytes: size = 0, stored }) => sum + Math.max(0, size - stored),
    0,
  );
  return { ...choice, files, missingBytes };
}

function firstChoices({ inspection, fitProblems }: LookedUp): Record<ModelRole, number | undefined> {
  const first = (role: ModelRole) => {
    if (!inspection[role].can) return undefined;
    const fitting = fitProblems[role].indexOf("");
    return fitting < 0 ? undefined : fitting;
  };
  return { teacher: first("teacher"), student: first("student") };
}

const choiceOf = (
  { inspection }: LookedUp,
  role: ModelRole,
  index: number | undefined,
): Choice | undefined => {
  const part = inspection[role];
  return part.can && index !== undefined ? part.choices[index] : undefined;
};

const union = (choices: readonly Choice[]): FileFact[] => [
  ...new Map(choices.flatMap(({ files }) => files).map((file) => [file.path, file])).values(),
];
