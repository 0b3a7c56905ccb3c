import { validateDraft, nextTraining, pendingChanges, type AppState } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";
import { changesText, partsOf, type Part } from "./training-text";

const text = messages.run;

/** The one line that says what is trained; below it, the other run where form and loaded run differ. */
export function RunStrip() {
  const pending = useApp((state) => nextTraining(state).trains === "form");
  const running = useApp(({ run }) => run.status === "running");
  return (
    <div className="run-strip">
      {pending && !running ? <FormLine /> : <LoadedLine />}
      {pending && (running ? <WaitingForm /> : <LoadedRun />)}
    </div>
  );
}

const formParts = ({ draft, run }: AppState) =>
  JSON.stringify(partsOf(validateDraft(draft).config, run.config, undefined));
const loadedParts = ({ run, draft }: AppState) =>
  JSON.stringify(partsOf(run.config ?? validateDraft(draft).config, undefined, run.facts));

/** Said by the line itself. */
const IN_PARTS = /^(teacher|student|data\.source|method\.id)$/;

function FormLine() {
  const parts = JSON.parse(useApp(formParts)) as Part[]; // our own JSON: it compares by value
  const others = useApp((state) =>
    changesText(pendingChanges(state).filter(({ path }) => !IN_PARTS.test(path))),
  );
  const issues = useApp(({ draft }) => validateDraft(draft).config === undefined);
  if (issues) return <p className="strip-issue">{text.formHasIssues}</p>;
  return (
    <p data-strip="form">
      <span className="muted">{text.willTrain}</span> <Parts parts={parts} />
      {others && (
        <>
          {" "}
          · <mark>{others}</mark>
        </>
      )}
    </p>
  );
}

function LoadedLine() {
  const parts = JSON.parse(useApp(loadedParts)) as Part[]; // as above
  const running = useApp(({ run }) => run.status === "running");
  return (
    <p data-strip="loaded">
      <span className="muted">{running ? text.trainsNow : text.trains}</span> <Parts parts={parts} />
    </p>
  );
}

function Parts({ parts }: { readonly parts: readonly Part[] }) {
  return parts.map(({ key, before, text: said, changed, after }) => (
    <span key={key}>
      {before}
      {changed ? <mark>{said}</mark> : <span className={`strip-${key}`}>{said}</span>}
      {after && <span className="muted"> {after}</span>}
    </span>
  ));
}

/** The run that is loaded is the second choice. */
function LoadedRun() {
  const { play, step, discardEdits } = useActions();
  const parts = JSON.parse(useApp(loadedParts)) as Part[]; // as above
  const at = useApp(({ run }) => run.step);
  const steps = useApp(({ run }) => run.config?.steps ?? 0);
  const ready = useApp(
    ({ run }) => ["ready", "paused"].includes(run.status) && run.awaiting === undefined && !run.afterLoad,
  );
  return (
    <div className="row run-other">
      <span className="muted">
        {text.loadedRun} {parts.map(({ before, text: said }) => `${before}${said}`).join("")},{" "}
        {text.stepOf(at, steps)}
      </span>
      <button type="button" className="quiet" disabled={!ready} onClick={play}>
        {text.goOnLoaded}
      </button>
      <button type="button" className="quiet" disabled={!ready} onClick={step}>
        {text.stepLoaded}
      </button>
      <button type="button" className="quiet" onClick={discardEdits}>
        {text.backToLoaded}
      </button>
    </div>
  );
}

/** While the loaded run trains, the form waits and says so. */
function WaitingForm() {
  const { train, discardEdits } = useActions();
  const what = useApp((state) => changesText(pendingChanges(state)));
  const usable = useApp((state) => nextTraining(state).usable);
  const right = useApp(({ draft }) => validateDraft(draft).config !== undefined);
  return (
    <div className="row run-other">
      <span className="muted">{right ? text.formWaits : text.formHasIssues}</span>
      {right && (
        <button type="button" className="quiet" disabled={!usable} onClick={() => train({ type: "play" })}>
          {text.restartWith(what)}
        </button>
      )}
      <button type="button" className="quiet" onClick={discardEdits}>
        {text.backToLoaded}
      </button>
    </div>
  );
}
