import { useId, useState } from "react";
import type { ListedRun } from "../../store";
import { bytes, duration, significant } from "../format";
import { messages } from "../messages";
import { modelTitle } from "../models/model-title";
import { hashOf } from "../routes";
import { useActions, useApp } from "../use-app";
import { goTo } from "./RunNotices";
import { runTitle, when } from "./run-title";
import { SaveRun } from "./SaveRun";

const { kept: text } = messages;

/** One kept run: what it is, where it stands, and the ways on. */
export function RunCard({ run }: { readonly run: ListedRun }) {
  const [doing, setDoing] = useState<"renaming" | "deleting">();
  const done = () => setDoing(undefined);
  const { step, steps, teacher, student, rows, loss, trainedMs, savedAt, where } = run;
  return (
    <li className="model-card run-card" data-run={run.id} data-where={where} data-step={step}>
      <p className="model-name">
        <b>{runTitle(run)}</b> <span className="muted">{bytes(run.bytes)}</span>{" "}
        {where === "here" && <span className="badge">{text.here}</span>}
        {where === "elsewhere" && <span className="badge">{text.elsewhere}</span>}
        {!run.weights && <span className="badge">{text.opened}</span>}
      </p>
      <p className="model-facts muted">
        <span>
          {modelTitle(teacher)} → {modelTitle(student)} · {modelTitle(rows)}
        </span>
        {step >= steps && <span>{text.finished}</span>}
        {loss !== undefined && <span>{text.loss(significant(loss))}</span>}
        <span>{text.trained(duration(trainedMs / 1000))}</span>
        <span>{text.keptAt(when(savedAt))}</span>
      </p>
      {doing === "renaming" && <Rename run={run} done={done} />}
      {doing === "deleting" && <Delete run={run} done={done} />}
      {doing === undefined && (
        <div className="row">
          <Ways run={run} />
          <button type="button" className="quiet" onClick={() => setDoing("renaming")}>
            {text.rename}
          </button>
          {where === "nowhere" && (
            <button type="button" className="quiet" onClick={() => setDoing("deleting")}>
              {text.delete}
            </button>
          )}
        </div>
      )}
    </li>
  );
}

function Ways({ run: { id, where, weights } }: { readonly run: ListedRun }) {
  const { resume, kept } = useActions();
  const trains = useApp(({ device }) => device.kind === "open");
  return (
    <>
      {where === "here" && <a href={hashOf("distill", "")}>{messages.nav.routes.distill}</a>}
      {where === "nowhere" && weights && (
        <button type="button" title={text.resumeTitle} disabled={!trains} onClick={() => goTo(resume(id))}>
          {text.resume}
        </button>
      )}
      {where === "elsewhere" && (
        <button
          type="button"
          title={text.takeOverTitle}
          disabled={!trains}
          onClick={() => goTo(resume(id, { takeOver: true }))}
        >
          {text.takeOver}
        </button>
      )}
      <button type="button" title={text.lookTitle} onClick={() => goTo(kept.look(id))}>
        {text.look}
      </button>
      <SaveRun id={id} weights={weights} loads={weights && where === "nowhere" && trains} />
    </>
  );
}

interface DoingProps {
  readonly run: ListedRun;
  readonly done: () => void;
}

function Rename({ run, done }: DoingProps) {
  const id = useId();
  const { kept } = useActions();
  const [name, setName] = useState(run.name ?? "");
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        void kept.rename(run.id, name).then(done);
      }}
    >
      <label htmlFor={id}>{text.nameLabel}</label>
      <input id={id} value={name} maxLength={80} onChange={(event) => setName(event.target.value)} />
      <button type="submit">{text.ok}</button>
      <button type="button" className="quiet" onClick={done}>
        {text.cancel}
      </button>
      <span className="muted">{text.nameHint}</span>
    </form>
  );
}

function Delete({ run, done }: DoingProps) {
  const { kept } = useActions();
  const question = text.deleteSure(bytes(run.bytes));
  return (
    <p className="row" role="group" aria-label={question}>
      <span>{question}</span>
      <button type="button" onClick={() => void kept.remove(run.id)}>
        {text.deleteYes}
      </button>
      <button type="button" className="quiet" onClick={done}>
        {text.deleteNo}
      </button>
    </p>
  );
}
