import { useMemo, useState } from "react";
import { validateDraft } from "../../store";
import { shadeOf } from "../../figure";
import { type CreditSettings, type WrittenAnswer, type WrittenRecord } from "../../telemetry";
import { percent, significant } from "../format";
import { messages } from "../messages";
import { rolloutMessages as text } from "../messages-rollout";
import { Panel } from "../shell/Panel";
import { Segmented } from "../shell/Segmented";
import { useScheme } from "../theme/use-scheme";
import { useApp } from "../use-app";
import { advantagesOf } from "./advantages";
import { Answer } from "./Answer";
import { ChunkTable } from "./ChunkTable";
import { RolloutCurves } from "./RolloutCurves";

const RULES = [
  "by_log_prob",
  "by_count",
  "exact_boundaries",
] as const satisfies readonly CreditSettings["credit"][];
const WHEN = ["before", "now"] as const;

/** The probe's prompt answered by the student, each token with the teacher's word on it; for runs that learn from such answers. */
export function RolloutPanel() {
  const written = useApp((state) => (state.source === "live" ? state.run.written : undefined));
  const loaded = useApp(
    ({ source, run }) => source === "live" && run.facts !== undefined && isWriting(run.config),
  );
  const chosen = useApp(({ draft }) => isWriting(validateDraft(draft).config));
  if (!written && !loaded && !chosen) return null;
  const aside = written && <span className="muted aside">{messages.plan.atStep(written.step)}</span>;
  return (
    <Panel title={text.title} name="rollout" aside={aside}>
      {written ? <Written record={written} /> : <p className="empty">{loaded ? text.writing : text.empty}</p>}
      <RolloutCurves />
    </Panel>
  );
}

const isWriting = (config: { readonly data: { readonly outputs: string } } | undefined): boolean =>
  config !== undefined && ["student", "mix"].includes(config.data.outputs);

function Written({ record }: { readonly record: WrittenRecord }) {
  const method = useApp(({ run }) => run.config?.method);
  const settings: CreditSettings =
    method?.id === "opd" ? method : { credit: "by_log_prob", clamp: null, maxChunk: null };
  const [rule, setRule] = useState<CreditSettings["credit"]>(settings.credit);
  const [when, setWhen] = useState<When>("now");
  const [chosen, choose] = useState<number>();
  const scheme = useScheme();
  const answer = record[when];
  const { clamp, maxChunk } = settings;
  const advantages = useMemo(
    () => (taught(answer) ? advantagesOf(answer, { credit: rule, clamp, maxChunk }) : undefined),
    [answer, rule, clamp, maxChunk],
  );
  const shade = useMemo(
    () => shadeOf(Float32Array.from(advantages ?? []), { kind: "gradient", scale: "sqrt", scheme }),
    [advantages, scheme],
  );
  return (
    <>
      <Tools
        {...{ rule, when }}
        taught={advantages !== undefined}
        onRule={setRule}
        onWhen={(value) => {
          setWhen(value);
          choose(undefined);
        }}
      />
      <p className="rollout-prompt">
        <span className="muted">{text.prompt}</span> {record.prompt}
      </p>
      <Answer answer={answer} advantages={advantages} shade={shade} chosen={chosen} onChoose={choose} />
      {advantages ? (
        <Marks
          {...{ answer, advantages, chosen }}
          limits={{ clamp, maxChunk }}
          onClose={() => choose(undefined)}
        />
      ) : (
        <p className="muted">{text.noTeacher}</p>
      )}
    </>
  );
}

interface MarksProps {
  readonly answer: WrittenAnswer;
  readonly advantages: readonly number[];
  readonly chosen: number | undefined;
  readonly limits: Omit<CreditSettings, "credit">;
  readonly onClose: () => void;
}

/** What the colours mean, the answer in figures, and the chosen chunk. */
function Marks({ answer, advantages, chosen, limits, onClose }: MarksProps) {
  return (
    <>
      <Legend most={Math.max(0, ...advantages.map(Math.abs))} />
      <Figures answer={answer} advantages={advantages} />
      {chosen !== undefined && answer.groups[chosen] ? (
        <ChunkTable answer={answer} group={chosen} limits={limits} onClose={onClose} />
      ) : (
        answer.groups.length > 0 && <p className="muted">{text.pick}</p>
      )}
    </>
  );
}

type When = (typeof WHEN)[number];

interface ToolsProps {
  readonly rule: CreditSettings["credit"];
  readonly when: When;
  readonly taught: boolean;
  readonly onRule: (rule: CreditSettings["credit"]) => void;
  readonly onWhen: (when: When) => void;
}

const Tools = ({ rule, when, taught: marked, onRule, onWhen }: ToolsProps) => (
  <div className="rollout-tools">
    <Segmented
      label={text.when.label}
      options={WHEN.map((value) => ({ value, text: text.when[value] }))}
      value={when}
      onChange={onWhen}
    />
    {marked && (
      <Segmented
        label={text.rule}
        options={RULES.map((value) => ({ value, text: text.rules[value] }))}
        value={rule}
        onChange={onRule}
      />
    )}
  </div>
);

/** Whether the teacher's log-probabilities are there. */
const taught = ({ teacher }: WrittenAnswer): boolean => teacher.every(({ logProb }) => logProb !== undefined);

/** Orange is less, purple more; nothing is the ground. */
function Legend({ most }: { readonly most: number }) {
  return (
    <p className="rollout-legend">
      <span className="muted">{text.less}</span>
      <span className="rollout-ramp" role="img" aria-label={text.legend(significant(most))} />
      <span className="muted">{text.more}</span>
      <span>{text.legend(significant(most))}</span>
    </p>
  );
}

function Figures({
  answer,
  advantages,
}: {
  readonly answer: WrittenAnswer;
  readonly advantages: readonly number[];
}) {
  const n = Math.max(1, advantages.length);
  const facts = [
    [text.mean, significant(advantages.reduce((a, b) => a + b, 0) / n)],
    [text.signal, percent(advantages.filter((a) => a !== 0).length / n)],
    [text.tokens, `${answer.student.length} · ${answer.teacher.length}`],
  ] as const;
  return (
    <dl className="rollout-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt className="muted">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
