import { useEffect, useState } from "react";
import { LESSONS, type Lesson, type LessonStep, type Question } from "./lessons";
import { finishedLessons, finishLesson } from "../../store";
import { DistillScreen } from "../DistillScreen";
import { messages } from "../messages";
import { placeOf, usePlace } from "../routes";
import { ErrorBoundary } from "../shell/ErrorBoundary";
import { TransportScreen } from "../transport/TransportScreen";
import { useAppParts, type PageApp } from "../use-app";

const { learn: text } = messages;

/** The list of lessons, or one lesson beside the screen that it drives. */
export function LearnScreen() {
  const [, id, step] = usePlace();
  const lesson = LESSONS.find((candidate) => candidate.id === id);
  if (!lesson) return <LessonList />;
  const index = Math.min(lesson.steps.length - 1, Math.max(0, Number(step ?? 1) - 1 || 0));
  return <LessonView key={lesson.id} lesson={lesson} index={index} />;
}

function LessonList() {
  const [finished] = useState(finishedLessons);
  return (
    <div className="lesson-list">
      <h2>{text.title}</h2>
      <p>{text.intro}</p>
      <ol>
        {LESSONS.map((lesson, i) => (
          <li key={lesson.id}>
            <a href={`#/learn/${lesson.id}`}>
              <b>
                {i + 1}. {lesson.title}
              </b>{" "}
              <span className="muted">
                {text.minutes(lesson.minutes)}
                {finished.has(lesson.id) && ` · ${text.done}`}
              </span>
            </a>
          </li>
        ))}
      </ol>
    </div>
  );
}

function LessonView({ lesson, index }: { readonly lesson: Lesson; readonly index: number }) {
  const page = useAppParts();
  const step = lesson.steps[index];
  const link = step?.link ?? "";
  useEffect(() => applyLink(page, link), [page, link]);
  useFrame(step?.target);
  if (!step) return null;
  const number = LESSONS.indexOf(lesson) + 1;
  const Screen = placeOf(link)[0] === "transport" ? TransportScreen : DistillScreen;
  return (
    <div className="lesson">
      <article className="lesson-text" aria-labelledby="lesson-title">
        <p className="muted">
          <a href="#/learn">{text.all}</a> · {text.number(number, LESSONS.length)}
        </p>
        <h2 id="lesson-title">{lesson.title}</h2>
        <Step key={index} step={step} />
        <Pager lesson={lesson} index={index} />
        <p className="muted lesson-own">{text.own}</p>
      </article>
      <div className="lesson-screen">
        <ErrorBoundary title={lesson.title}>
          <Screen />
        </ErrorBoundary>
      </div>
      <Handout lesson={lesson} />
    </div>
  );
}

/** Set the real screen to the step's state; the person's own comes back when the lesson is left: see links.ts. */
function applyLink({ transportScreen, actions, aside }: PageApp, link: string): void {
  aside.begin();
  const [screen = "", query = ""] = link.split("?");
  if (screen === "transport") transportScreen.fromLink(query);
  else actions.openLink(query);
}

function Step({ step }: { readonly step: LessonStep }) {
  return (
    <>
      <p className="lesson-prose">{step.text}</p>
      {step.question && <Predict question={step.question} />}
    </>
  );
}

/** A prediction first, then the answer with its reason. */
function Predict({ question }: { readonly question: Question }) {
  const [chosen, choose] = useState<number>();
  const markOf = (i: number) => (i === question.answer ? "right" : i === chosen ? "wrong" : undefined);
  return (
    <fieldset className="predict">
      <legend>{question.ask}</legend>
      {question.options.map((option, i) => (
        <label key={option} data-mark={chosen === undefined ? undefined : markOf(i)}>
          <input
            type="radio"
            name="prediction"
            checked={chosen === i}
            disabled={chosen !== undefined}
            onChange={() => choose(i)}
          />
          {option}
          {chosen !== undefined && markOf(i) && (
            <span className="mark-of-answer">{markOf(i) === "right" ? text.markRight : text.markWrong}</span>
          )}
        </label>
      ))}
      <p role="status">
        {chosen !== undefined && (
          <>
            <b>{chosen === question.answer ? text.right : text.wrong}</b> {question.because}
          </>
        )}
      </p>
    </fieldset>
  );
}

function Pager({ lesson, index }: { readonly lesson: Lesson; readonly index: number }) {
  const { aside } = useAppParts();
  const last = index === lesson.steps.length - 1;
  const to = (step: number) => `#/learn/${lesson.id}/${step + 1}`;
  const next = LESSONS[LESSONS.indexOf(lesson) + 1];
  return (
    <>
      {last && (
        <section className="lesson-open">
          <h3>{text.open}</h3>
          <p>{lesson.open.text}</p>
          <a className="button" href={`#/${lesson.open.link}`} onClick={aside.open}>
            {text.openIn}
          </a>
        </section>
      )}
      <nav className="row lesson-pager" aria-label={text.pages}>
        {index > 0 ? <a href={to(index - 1)}>← {text.back}</a> : <span />}
        <span className="muted">{text.stepOf(index + 1, lesson.steps.length)}</span>
        {!last && (
          <a className="button" href={to(index + 1)}>
            {text.next} →
          </a>
        )}
        {last && next && (
          <a className="button" href={`#/learn/${next.id}`} onClick={() => finishLesson(lesson.id)}>
            {text.nextLesson} →
          </a>
        )}
        {last && !next && (
          <a className="button" href="#/learn" onClick={() => finishLesson(lesson.id)}>
            {text.finish}
          </a>
        )}
      </nav>
    </>
  );
}

/** All steps for paper, with room to write; the answers stand on a page of their own. */
function Handout({ lesson }: { readonly lesson: Lesson }) {
  return (
    <section className="handout" aria-hidden="true">
      {lesson.steps.map(({ text: prose, question }) => (
        <div key={prose}>
          <p>{prose}</p>
          {question && (
            <>
              <p>
                <b>{question.ask}</b>
              </p>
              <ul>
                {question.options.map((option) => (
                  <li key={option}>{option}</li>
                ))}
              </ul>
            </>
          )}
        </div>
      ))}
      <p>{lesson.open.text}</p>
      <div className="handout-answers">
        <h3>{text.answers}</h3>
        {lesson.steps.map(
          ({ question }) =>
            question && (
              <p key={question.ask}>
                {question.ask} <b>{question.options[question.answer]}</b>. {question.because}
              </p>
            ),
        )}
      </div>
    </section>
  );
}

const FRAMED = "data-framed";

/** Frame the part of the screen that the step is about, once it is there. */
function useFrame(target: string | undefined): void {
  useEffect(() => {
    if (!target) return;
    const frame = () => {
      const node = document.querySelector(`.lesson-screen ${target}`);
      if (!node || node.hasAttribute(FRAMED)) return;
      node.setAttribute(FRAMED, "");
      if (innerWidth > 1180) node.scrollIntoView({ block: "nearest" }); // beside the prose, never away from it
    };
    frame();
    const watcher = new MutationObserver(frame);
    const root = document.querySelector(".lesson-screen");
    if (root) watcher.observe(root, { childList: true, subtree: true });
    return () => {
      watcher.disconnect();
      for (const node of document.querySelectorAll(`[${FRAMED}]`)) node.removeAttribute(FRAMED);
    };
  }, [target]);
}
