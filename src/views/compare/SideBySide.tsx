import { useId, useMemo, useState } from "react";
import { PRESETS } from "../../config/presets";
import { planFacts } from "../../figure";
import { diffWords, planAt, planOfRecord, type ComparedRun, type DiffPart } from "../../store";
import { messages } from "../messages";
import { createPointer } from "../figure/pointer";
import { PlanFigure } from "../figure/PlanFigure";
import { Scrubber } from "../figure/Scrubber";
import { namesOf, siteName } from "../plan/site-name";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { useApp } from "../use-app";

const { compare: text } = messages;

/** The finished runs of one seed as columns: the same sentence, the same step, one pointer for all. */
export function SideBySide({ runs }: { readonly runs: readonly ComparedRun[] }) {
  const done = runs.filter(({ status }) => status === "done");
  const seeds = [...new Set(done.map(({ seed }) => seed))];
  const [wanted, setSeed] = useState<string>();
  const seed = seeds.find((s) => String(s) === wanted) ?? seeds[0];
  const columns = done.filter((run) => run.seed === seed);
  const chooser = seeds.length > 1 && (
    <Segmented
      label={text.seedLabel}
      options={seeds.map((s) => ({ value: String(s), text: text.seed(s) }))}
      value={String(seed)}
      onChange={setSeed}
    />
  );
  return (
    <>
      <Panel title={text.plans} name="plans" aside={chooser}>
        {columns.length > 0 ? <Plans columns={columns} /> : <p className="empty">{text.noneDone}</p>}
      </Panel>
      <Panel title={text.answers} name="compared-answers" aside={chooser}>
        {columns.length > 0 ? <Answers columns={columns} /> : <p className="empty">{text.noneDone}</p>}
      </Panel>
    </>
  );
}

interface ColumnsProps {
  readonly columns: readonly ComparedRun[];
}

function Plans({ columns }: ColumnsProps) {
  const id = useId();
  const [wantedSite, setSite] = useState<string>();
  const [wantedStep, setStep] = useState<number>();
  const [pointer] = useState(createPointer);
  const scale = useApp((state) => state.colorScale);
  const sites = [...new Set(columns.flatMap(({ plans }) => Object.keys(plans)))];
  const site = sites.find((s) => s === wantedSite) ?? sites[0];
  if (site === undefined) return <p className="empty">{text.noPlans}</p>;
  const steps = [
    ...new Set(columns.flatMap(({ plans }) => (plans[site] ?? []).map(({ step }) => step))),
  ].toSorted((a, b) => a - b);
  const at = wantedStep === undefined ? steps.length - 1 : steps.findLastIndex((s) => s <= wantedStep);
  const step = steps[at] ?? 0;
  const shown = columns.map((run) => ({ run, plan: planAt(run, site, step) }));
  const largest = Math.max(...shown.map(({ plan }) => (plan ? planFacts(planOfRecord(plan)).largest : 0)));
  const without = shown.filter(({ plan }) => !plan).map(({ run }) => PRESETS[run.preset].title);
  return (
    <>
      <div className="row compare-controls">
        <label htmlFor={`${id}-site`}>{text.site}</label>
        <select id={`${id}-site`} value={site} onChange={(event) => setSite(event.target.value)}>
          {sites.map((s) => (
            <option key={s} value={s}>
              {siteName(s)}
            </option>
          ))}
        </select>
        <Scrubber
          label={text.step}
          at={at}
          last={Math.max(0, steps.length - 1)}
          onChange={(to) => setStep(steps[to])}
          shown={messages.plan.atStep(step)}
        />
      </div>
      <div className="compare-columns">
        {shown.flatMap(({ run, plan }) =>
          plan
            ? [
                <section key={run.preset} aria-label={PRESETS[run.preset].title}>
                  <h3>{PRESETS[run.preset].title}</h3>
                  <p className="muted">{messages.plan.atStep(plan.step)}</p>
                  <PlanFigure
                    of={PRESETS[run.preset].title}
                    {...namesOf(plan)}
                    plan={planOfRecord(plan)}
                    pointer={pointer}
                    view={{ form: "matrix", matrix: "plan", scale }}
                    largest={largest}
                  />
                </section>,
              ]
            : [],
        )}
      </div>
      {without.length > 0 && <p className="hint">{text.noPlanOf(without.join("; "))}</p>}
    </>
  );
}

type Against = "before" | "teacher" | "first";
const AGAINST = (["before", "teacher", "first"] as const).map((value) => ({
  value,
  text: text.against[value],
}));

function Answers({ columns }: ColumnsProps) {
  const [against, setAgainst] = useState<Against>("before");
  const given = columns.flatMap((run) => (run.answers ? [{ run, answers: run.answers }] : []));
  const [first] = given;
  if (!first) return <p className="empty">{text.noneDone}</p>;
  const { prompt, reference, before } = first.answers;
  const teacher = given.flatMap(({ answers }) => answers.teacher ?? [])[0]; // SFT has none
  const other = { before, teacher, first: first.answers.now }[against];
  return (
    <>
      <dl className="question">
        <div>
          <dt>{messages.answers.prompt}</dt>
          <dd>{prompt}</dd>
        </div>
        <div>
          <dt>{messages.answers.reference}</dt>
          <dd>{reference}</dd>
        </div>
      </dl>
      <div className="row compare-controls">
        <span className="muted">{text.againstLabel}</span>
        <Segmented label={text.againstLabel} options={AGAINST} value={against} onChange={setAgainst} />
      </div>
      <div className="answers compare-columns">
        {teacher !== undefined && (
          <Answer title={messages.answers.teacher} mark="id-teacher" text={teacher} />
        )}
        <Answer title={messages.answers.before} mark="id-student" text={before} />
        {given.map(({ run, answers }) => (
          <Answer
            key={run.preset}
            title={PRESETS[run.preset].title}
            note={messages.plan.atStep(answers.step)}
            text={answers.now}
            against={against === "first" && run === first.run ? undefined : other}
          />
        ))}
      </div>
    </>
  );
}

interface AnswerProps {
  readonly title: string;
  readonly mark?: string;
  readonly note?: string;
  readonly text: string;
  /** The answer whose words are the known ones; what is not in it is marked. */
  readonly against?: string | undefined;
}

function Answer({ title, mark, note, text: said, against }: AnswerProps) {
  const diff = useMemo(() => (against === undefined ? undefined : diffWords(against, said)), [against, said]);
  const parts: readonly DiffPart[] = diff?.now ?? [{ text: said, changed: false }];
  const changed = diff && (diff.changed === 0 ? text.sameWords : text.otherWords(diff.changed));
  return (
    <div className="answer">
      <h3>
        <span className={mark}>{title}</span>{" "}
        <span className="muted">{[note, changed].filter(Boolean).join(", ")}</span>
      </h3>
      <p>
        {said === "" && <span className="muted">{messages.answers.nothing}</span>}
        {parts.map((part, i) =>
          part.changed ? <ins key={i}>{part.text}</ins> : <span key={i}>{part.text}</span>,
        )}
      </p>
    </div>
  );
}
