import { useEffect } from "react";
import type { ListedRun } from "../../store";
import { messages } from "../messages";
import { hashOf } from "../routes";
import { useActions, useApp } from "../use-app";
import { runTitle, when } from "./run-title";

const { kept: text } = messages;

/** What is to be said of kept runs on Distill: one that can go on, one that cannot, one that another tab has. */
export function RunNotices() {
  return (
    <>
      <Offer />
      <Looking />
      <KeptNews />
      <Taken />
      <NotKept />
    </>
  );
}

/** What became of a kept run that was asked for; on the Runs screen, too. */
export function KeptNews() {
  return (
    <>
      <Damage />
      <Busy />
      <Trouble />
      <LetGone />
    </>
  );
}

/** A run that an earlier visit left. */
function Offer() {
  const session = useApp((state) => state.lastSession);
  const untouched = useApp(({ run }) => run.step === 0);
  const loaded = useApp(({ run }) => run.facts !== undefined);
  const named = useApp(({ keeping, lastSession }) => keeping.runs?.find(({ id }) => id === lastSession?.id));
  const { resume, forgetSession } = useActions();
  if (!session || !untouched) return null;
  return (
    <section className="notice" role="status" data-notice="session">
      <h2>{text.offerTitle}</h2>
      <p>
        {runTitle({ ...session, name: named?.name })}, {text.keptAt(when(session.savedAt))}.
      </p>
      <div className="row">
        <button type="button" onClick={() => void resume()} disabled={!loaded}>
          {text.resume}
        </button>
        <a href={hashOf("runs", "")}>{text.all}</a>
        <button type="button" className="quiet" onClick={forgetSession}>
          {text.notNow}
        </button>
      </div>
    </section>
  );
}

/** A kept run in the place of the recorded one. */
function Looking() {
  const run = useApp(({ keeping }) => keeping.runs?.find(({ id }) => id === keeping.looking));
  const { resume, kept } = useActions();
  if (!run) return null;
  const goOn = () => {
    kept.lookAway();
    void resume(run.id);
  };
  return (
    <section className="notice" role="status" data-notice="looking">
      <h2>{text.looking(runTitle(run))}</h2>
      <p>{text.lookingWhat}</p>
      <div className="row">
        {run.where === "nowhere" && (
          <button type="button" onClick={goOn}>
            {text.resume}
          </button>
        )}
        <button type="button" onClick={kept.lookAway}>
          {text.lookAway}
        </button>
      </div>
    </section>
  );
}

function Damage() {
  const damage = useApp(({ keeping }) => keeping.damage);
  const { resume, kept } = useActions();
  if (!damage) return null;
  const { id, damaged, step } = damage;
  return (
    <section className="notice notice-bad" role="alert" data-notice="damaged-run">
      <h2>{text.damage.title(damaged[0]?.step)}</h2>
      <dl>
        <dt>{text.why}</dt>
        <dd>{damaged.map(({ why }) => why).join(" ")}</dd>
        <dt>{text.remedy}</dt>
        <dd>{step === undefined ? text.damage.none : text.damage.older(step)}</dd>
      </dl>
      <div className="row">
        {step !== undefined && (
          <button type="button" onClick={() => goTo(resume(id, { older: true }))}>
            {text.damage.goOn(step)}
          </button>
        )}
        <button type="button" className="quiet" onClick={kept.dismiss}>
          {text.dismiss}
        </button>
      </div>
    </section>
  );
}

function Busy() {
  const busy = useApp(({ keeping }) => keeping.busy);
  const { resume, kept } = useActions();
  if (busy === undefined) return null;
  return (
    <section className="notice" role="alert" data-notice="busy-run">
      <h2>{text.busy.title}</h2>
      <p>{text.busy.what}</p>
      <div className="row">
        <button type="button" onClick={() => goTo(resume(busy, { takeOver: true }))}>
          {text.takeOver}
        </button>
        <button type="button" className="quiet" onClick={kept.dismiss}>
          {text.dismiss}
        </button>
      </div>
    </section>
  );
}

function Taken() {
  const taken = useApp(({ keeping }) => keeping.taken);
  const { kept } = useActions();
  if (!taken) return null;
  return (
    <section className="notice notice-bad" role="alert" data-notice="taken-run">
      <h2>{text.taken.title(taken.step)}</h2>
      <p>{text.taken.what}</p>
      <button type="button" onClick={kept.keepAsOwn}>
        {text.taken.asOwn}
      </button>
    </section>
  );
}

function Trouble() {
  const trouble = useApp(({ keeping }) => keeping.trouble);
  const { kept } = useActions();
  if (trouble === undefined) return null;
  return (
    <section className="notice notice-bad" role="status" data-notice="kept-trouble">
      <h2>{text.trouble}</h2>
      <p>{trouble}</p>
      <button type="button" className="quiet" onClick={kept.dismiss}>
        {text.dismiss}
      </button>
    </section>
  );
}

function LetGone() {
  const gone = useApp(({ keeping }) => keeping.letGo);
  const { kept } = useActions();
  if (gone.length === 0) return null;
  const names = gone.map(({ run, why }) => `${runTitle(run)} (${text.letGoWhy[why]})`).join("; ");
  return (
    <section className="notice notice-info" role="status" data-notice="let-go">
      <p>{text.letGo(names)}</p>
      <button type="button" className="quiet" onClick={kept.dismiss}>
        {text.dismiss}
      </button>
    </section>
  );
}

/** A run that will not survive a reload. */
function NotKept() {
  const issue = useApp((state) => state.keepIssue);
  const { dismissKeepIssue } = useActions();
  if (!issue) return null;
  return (
    <section className="notice notice-bad" role="status" data-keep={issue.reason}>
      <h2>{messages.keep.title}</h2>
      <dl>
        <dt>{messages.problem.why}</dt>
        <dd>{issue.detail}</dd>
        <dt>{messages.problem.remedy}</dt>
        <dd>{messages.keep.remedies[issue.reason]}</dd>
      </dl>
      <button type="button" className="quiet" onClick={dismissKeepIssue}>
        {messages.problem.dismiss}
      </button>
    </section>
  );
}

/** Where a run goes on, once it does. */
export function goTo(begun: Promise<boolean>): void {
  void begun.then((yes) => {
    if (yes) location.hash = hashOf("distill", "");
  });
}

/** The list is as fresh as the look at it: other tabs come and go. */
export function useFreshList(): readonly ListedRun[] | undefined {
  const { kept } = useActions();
  useEffect(() => void kept.refresh(), [kept]);
  return useApp(({ keeping }) => keeping.runs);
}
