import { useMemo } from "react";
import { diffParts, diffWords, shownAnswers, type DiffPart } from "../../store";
import type { AnswerRecord } from "../../telemetry";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { SourceTag } from "../shell/SourceTag";
import { useApp } from "../use-app";

const { answers: text } = messages;

/** The probe sentence answered by the teacher, by the student before, and by the student now. */
export function AnswersPanel() {
  const answers = useApp(shownAnswers);
  const loaded = useApp(({ run }) => run.facts !== undefined);
  const aside = (
    <>
      <SourceTag />
      {answers && <span className="muted aside">{messages.plan.atStep(answers.step)}</span>}
    </>
  );
  return (
    <Panel title={text.title} name="answers" aside={aside}>
      {answers ? (
        <Answers answers={answers} />
      ) : (
        <p className="empty">{loaded ? text.writing : text.empty}</p>
      )}
    </Panel>
  );
}

function Answers({ answers }: { readonly answers: AnswerRecord }) {
  const { prompt, reference, teacher, before, now, step, pieces } = answers;
  const diff = useMemo(
    () => (pieces ? diffParts(pieces.before, pieces.now) : diffWords(before, now)),
    [before, now, pieces],
  );
  const changed = pieces ? text.changedTokens : text.changed;
  return (
    <>
      <dl className="question">
        <div>
          <dt>{text.prompt}</dt>
          <dd>{prompt}</dd>
        </div>
        <div>
          <dt>{text.reference}</dt>
          <dd>{reference}</dd>
        </div>
      </dl>
      <div className="answers">
        {teacher !== undefined && (
          <Answer title={text.teacher} mark="id-teacher" parts={[{ text: teacher, changed: false }]} />
        )}
        <Answer title={text.before} mark="id-student" parts={diff.before} changedAs="del" />
        <Answer
          title={text.now}
          mark="id-student"
          parts={diff.now}
          changedAs="ins"
          note={step === 0 ? "" : diff.changed === 0 ? text.same : changed(diff.changed)}
        />
      </div>
    </>
  );
}

interface AnswerProps {
  readonly title: string;
  readonly mark: string;
  readonly parts: readonly DiffPart[];
  readonly changedAs?: "ins" | "del";
  readonly note?: string;
}

function Answer({ title, mark, parts, changedAs: Changed = "ins", note }: AnswerProps) {
  return (
    <div className="answer">
      <h3>
        <span className={mark}>{title}</span> {note && <span className="muted">{note}</span>}
      </h3>
      <p>
        {parts.length === 0 && <span className="muted">{text.nothing}</span>}
        {parts.map((part, i) =>
          part.changed ? <Changed key={i}>{part.text}</Changed> : <span key={i}>{part.text}</span>,
        )}
      </p>
    </div>
  );
}
