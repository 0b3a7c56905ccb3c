import { useStore } from "zustand";
import {
  absentModels,
  fieldText,
  adapterNotes,
  type AdapterFacts,
  type AdapterNote,
  type Failure,
  validateDraft,
  type NoGpuReason,
  type Problem,
} from "../../store";
import { bytes, count } from "../format";
import { crashFailure, messages } from "../messages";
import { hashOf, useRoute, useUnknownScreen } from "../routes";
import { modelTitle } from "../models/model-title";
import { RunNotices } from "../runs/RunNotices";
import { useActions, useApp, useAppParts, useDataState, useLibraryState } from "../use-app";
import { remedyFor, visitorOf } from "./remedy";

/** What went wrong, above everything else on the page. */
export function Notices() {
  const problem = useApp((state) => state.problem);
  const device = useApp((state) => state.device);
  const lost = useApp((state) => state.hadDevice);
  const route = useRoute();
  const trains = route === "distill"; // the other screens need no GPU
  return (
    <>
      {trains && device.kind === "none" && lost && <LostGpu />}
      {trains && device.kind === "none" && !lost && <NoGpu reason={device.reason} detail={device.detail} />}
      {trains && device.kind === "open" && <AdapterNotes adapter={device.adapter} />}
      <UnknownScreen />
      <LinkIssues />
      {["distill", "transport"].includes(route) && <LessonState />}
      {trains && <Absent />}
      {trains && <RunNotices />}
      {problem && <ProblemNotice problem={problem} />}
    </>
  );
}

function NoGpu({ reason, detail }: { readonly reason: NoGpuReason; readonly detail: string }) {
  return (
    <section className="notice" role="status" data-reason={reason}>
      <h2>{messages.noGpu.title}</h2>
      <dl>
        <dt>{messages.problem.why}</dt>
        <dd>
          {messages.noGpu.reasons[reason]} <span className="muted">{detail}</span>
        </dd>
        <dt>{messages.problem.remedy}</dt>
        <dd>{remedyFor(reason, visitorOf(navigator.userAgent))}</dd>
      </dl>
      <p>{messages.noGpu.stillWorks}</p>
    </section>
  );
}

/** There was a device on this visit, and now the browser gives none: it is no question of flags. */
function LostGpu() {
  const { retry } = useActions();
  const kept = useApp(({ keeping, run }) => (run.step > 0 ? keeping.current?.keptStep : undefined));
  const text = messages.lostGpu;
  return (
    <section className="notice notice-bad" role="alert" data-reason="lost-gpu">
      <h2>{text.title}</h2>
      <dl>
        <dt>{messages.problem.why}</dt>
        <dd>{text.why}</dd>
        <dt>{messages.problem.remedy}</dt>
        <dd>
          {text.remedy} {kept === undefined ? text.nothingKept : text.kept(kept)}
        </dd>
      </dl>
      <div className="row">
        <button type="button" onClick={retry}>
          {text.again}
        </button>
      </div>
    </section>
  );
}

/** What works here but with something missing; each can be put away for good. */
function AdapterNotes({ adapter }: { readonly adapter: AdapterFacts }) {
  const hidden = useApp((state) => state.hiddenNotes);
  const { hideNote } = useActions();
  return adapterNotes(adapter)
    .filter(({ kind }) => !hidden.includes(kind))
    .map((note) => (
      <details key={note.kind} className="notice notice-info" data-reason={note.kind}>
        <summary>{messages.adapterNotes[note.kind].title}</summary>
        <dl>
          <dt>{messages.problem.why}</dt>
          <dd>{note.kind === "no-f16" ? messages.adapterNotes["no-f16"].why : <LowLimits note={note} />}</dd>
          <dt>{messages.problem.remedy}</dt>
          <dd>{messages.adapterNotes[note.kind].remedy}</dd>
        </dl>
        <button type="button" className="quiet" onClick={() => hideNote(note.kind)}>
          {messages.adapterNotes.hide}
        </button>
      </details>
    ));
}

function LowLimits({ note }: { readonly note: Extract<AdapterNote, { kind: "low-limits" }> }) {
  const text = messages.adapterNotes["low-limits"];
  const amount = (name: string, value: number) => (/Size$/.test(name) ? bytes(value) : count(value));
  return (
    <>
      {note.limits.map(({ name, here, needed }) => (
        <span key={name}>{text.limit(name, amount(name, here), amount(name, needed))} </span>
      ))}
      {note.fit.length > 0 ? text.fit(note.fit, note.tooLarge) : text.nothingFits}
    </>
  );
}

function ProblemNotice({ problem }: { readonly problem: Problem }) {
  const { retry, dismissProblem } = useActions();
  const failure: Failure = problem.kind === "crash" ? crashFailure(problem.detail) : problem.failure;
  return (
    <section className="notice notice-bad" role="alert" data-code={failure.code}>
      <h2>{failure.what}</h2>
      <dl>
        <dt>{messages.problem.why}</dt>
        <dd>{failure.why}</dd>
        <dt>{messages.problem.remedy}</dt>
        <dd>{failure.remedy}</dd>
      </dl>
      <div className="row">
        <button type="button" onClick={retry}>
          {messages.problem.retry}
        </button>
        {failure.code === "model-absent" && <a href={hashOf("models", "")}>{messages.models.absentRemedy}</a>}
        <button type="button" className="quiet" onClick={dismissProblem}>
          {messages.problem.dismiss}
        </button>
      </div>
    </section>
  );
}

/** The settings, from a link as a rule, name models or rows that were added elsewhere. */
function Absent() {
  const models = useLibraryState((state) => state.models);
  const sets = useDataState((state) => state.sets);
  const names = useApp(({ draft }) => {
    const { config } = validateDraft(draft);
    return config ? absentModels(config, models).map(modelTitle).join(", ") : "";
  });
  const rows = useApp(({ draft }) => {
    const source = fieldText(draft, "data.source") ?? "";
    return sets && source.startsWith("own:") && !sets.some(({ key }) => key === source)
      ? modelTitle(source)
      : "";
  });
  const { models: text } = messages;
  return (
    <>
      {names !== "" && (
        <section className="notice notice-bad" role="alert" data-notice="absent-models">
          <h2>{text.absent}</h2>
          <p>{text.absentWhat(names)}</p>
          <a href={hashOf("models", "")}>{text.absentRemedy}</a>
        </section>
      )}
      {rows !== "" && (
        <section className="notice notice-bad" role="alert" data-notice="absent-rows">
          <h2>{text.absentRows}</h2>
          <p>{text.absentRowsWhat(rows)}</p>
          <a href={hashOf("data", "")}>{text.absentRowsRemedy}</a>
        </section>
      )}
    </>
  );
}

/** What the opened link asked for and did not get. */
function LinkIssues() {
  const issues = useApp((state) => state.linkIssues);
  const { dismissLinkIssues } = useActions();
  if (issues.length === 0) return null;
  return (
    <section className="notice notice-bad" role="alert">
      <h2>{messages.link.title}</h2>
      <ul>
        {issues.map((issue) => (
          <li key={issue}>{issue}</li>
        ))}
      </ul>
      <button type="button" className="quiet" onClick={dismissLinkIssues}>
        {messages.link.dismiss}
      </button>
    </section>
  );
}

/** An address names a screen that there is none of: Start is shown, and says so. */
function UnknownScreen() {
  const name = useUnknownScreen();
  return name ? (
    <section className="notice" role="status" data-notice="unknown-screen">
      <p>{messages.nav.unknown(name)}</p>
    </section>
  ) : null;
}

/** A lesson's state was opened over the person's own. */
function LessonState() {
  const { aside } = useAppParts();
  const { opened } = useStore(aside.store);
  if (!opened) return null;
  return (
    <section className="notice notice-info" role="status" data-notice="aside">
      <p>
        <b>{messages.learn.asideTitle}.</b> {messages.learn.asideWhat}
      </p>
      <div className="row">
        <button type="button" onClick={aside.giveBack}>
          {messages.learn.asideBack}
        </button>
        <button type="button" className="quiet" onClick={aside.keepShown}>
          {messages.learn.asideKeep}
        </button>
      </div>
    </section>
  );
}
