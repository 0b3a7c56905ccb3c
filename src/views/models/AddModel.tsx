import { useId, useState, type FormEvent } from "react";
import { hostOfSource, HUB_HOST, sourceOf, type SourceText } from "../../store";
import type { Gathered } from "../files/gather";
import { PickButton } from "../files/PickButton";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";
import { useLibrary, useLibraryState } from "../use-app";
import { Found } from "./Found";

const { models: text } = messages;
const WAYS = (["hub", "address", "folder"] as const).map((value) => ({ value, text: text.ways[value] }));
type Way = (typeof WAYS)[number]["value"];

/** The three ways in. */
export function AddModel({ onFiles }: { readonly onFiles: (gathered: Gathered) => void }) {
  const [way, setWay] = useState<Way>("hub");
  const busy = useLibraryState((state) => state.transfer !== undefined);
  return (
    <>
      <Segmented label={text.from} options={WAYS} value={way} onChange={setWay} />
      {way === "folder" ? (
        <div className="add-form">
          <p className="muted">{text.folderNote}</p>
          <p className="row">
            <PickButton folder text={text.pickFolder} onFiles={onFiles} disabled={busy} />
            <PickButton multiple text={text.pickFiles} onFiles={onFiles} disabled={busy} />
            <span className="muted">{text.dropHere}</span>
          </p>
        </div>
      ) : (
        <LookUpForm way={way} />
      )}
      <Found />
    </>
  );
}

function LookUpForm({ way }: { readonly way: "hub" | "address" }) {
  const [id, setId] = useState("");
  const [revision, setRevision] = useState("");
  const [host, setHost] = useState(HUB_HOST);
  const [url, setUrl] = useState("");
  const [issue, setIssue] = useState("");
  const asking = useLibraryState((state) => state.lookingUp);
  const { lookUp } = useLibrary();
  const written: SourceText = way === "hub" ? { kind: way, id, revision, host } : { kind: way, url };
  const source = sourceOf(written);
  const target = source ? hostOfSource(source) : way === "hub" ? host.replace(/^https?:\/\//, "") : "…";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIssue(source ? "" : way === "hub" ? text.badId : text.badUrl);
    if (source) lookUp(source);
  };
  return (
    <form className="add-form" onSubmit={submit}>
      {way === "hub" ? (
        <>
          <TextField name={text.id} hint={text.idHint} value={id} onChange={setId} />
          <TextField
            name={text.revisionField}
            hint={text.revisionHint}
            value={revision}
            onChange={setRevision}
          />
          <TextField name={text.host} hint={text.hostHint} value={host} onChange={setHost} />
        </>
      ) : (
        <TextField name={text.url} hint={text.urlHint} value={url} onChange={setUrl} />
      )}
      {issue && (
        <p className="issue" role="alert">
          {issue}
        </p>
      )}
      <p className="row">
        <button type="submit" className="primary" disabled={asking}>
          {asking ? text.lookingUp : text.lookUp(target)}
        </button>
      </p>
      <p className="muted">{(way === "hub" ? text.asks : text.asksAddress)(target)}</p>
    </form>
  );
}

interface TextFieldProps {
  readonly name: string;
  readonly hint: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function TextField({ name, hint, value, onChange }: TextFieldProps) {
  const id = useId();
  return (
    <div className="add-field">
      <label htmlFor={id}>{name}</label>
      <input
        id={id}
        value={value}
        autoComplete="off"
        spellCheck={false}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      />
      <span id={`${id}-hint`} className="hint">
        {hint}
      </span>
    </div>
  );
}
