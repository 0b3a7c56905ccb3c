import { useMemo, type CSSProperties } from "react";
import { shadeColor, type Shade } from "../../figure";
import type { WrittenAnswer, WrittenToken } from "../../telemetry";
import { significant } from "../format";
import { rolloutMessages as text } from "../messages-rollout";
import { segmentsOf, type Segment } from "./segments";

interface AnswerProps {
  readonly answer: WrittenAnswer;
  /** Of the student's tokens; undefined where no teacher marks them. */
  readonly advantages: readonly number[] | undefined;
  readonly shade: Shade;
  readonly chosen: number | undefined;
  readonly onChoose: (group: number | undefined) => void;
}

/** Two lanes that break together: the teacher's tokens above the student's, chunk by chunk. */
export function Answer({ answer, advantages, shade, chosen, onChoose }: AnswerProps) {
  const segments = useMemo(() => segmentsOf(answer), [answer]);
  if (answer.student.length === 0) return <p className="muted">{text.none}</p>;
  return (
    <>
      <p className="muted rollout-lanes">{text.lanes}</p>
      <div className="rollout-answer">
        {segments.map((segment, i) => (
          <Stretch
            key={i}
            {...{ segment, answer, advantages, shade }}
            chosen={segment.group !== undefined && segment.group === chosen}
            onChoose={() => onChoose(segment.group === chosen ? undefined : segment.group)}
          />
        ))}
      </div>
      {!answer.ended && <p className="muted">{text.cut}</p>}
    </>
  );
}

interface StretchProps extends Omit<AnswerProps, "chosen" | "onChoose"> {
  readonly segment: Segment;
  readonly chosen: boolean;
  readonly onChoose: () => void;
}

function Stretch({ segment, answer, advantages, shade, chosen, onChoose }: StretchProps) {
  const { student, teacher, group, at } = segment;
  const above = answer.teacher.slice(...teacher);
  const below = answer.student.slice(...student);
  const lanes = (
    <>
      <span className="lane lane-teacher">
        {above.map((token, i) => (
          <Token key={i} token={token} />
        ))}
      </span>
      <span className="bracket" aria-hidden="true" />
      <span className="lane">
        {below.map((token, i) => (
          <Token key={i} token={token} {...(advantages && shaded(shade, advantages[student[0] + i] ?? 0))} />
        ))}
      </span>
      <span className="byte muted" aria-hidden="true">
        {at}
      </span>
    </>
  );
  if (group === undefined)
    return (
      <span className="stretch stretch-gap" title={text.gap(below.length + above.length)}>
        {lanes}
      </span>
    );
  const words = (tokens: readonly WrittenToken[]) => tokens.map((token) => token.text).join(" ");
  return (
    <button
      type="button"
      className="stretch"
      aria-pressed={chosen}
      aria-label={text.chunk(words(above), words(below), at)}
      onClick={onChoose}
    >
      {lanes}
    </button>
  );
}

interface TokenProps {
  readonly token: WrittenToken;
  readonly style?: CSSProperties;
  readonly title?: string;
}

const Token = ({ token, style, title }: TokenProps) => (
  <span className={token.end ? "token token-end" : "token"} style={style} title={title}>
    {token.text}
  </span>
);

const INK = { dark: "#16191d", light: "#ffffff" };

/** The advantage as a colour, and the ink that reads on it. */
function shaded(shade: Shade, advantage: number): Pick<TokenProps, "style" | "title"> {
  const index = shade.at(advantage);
  const color = shadeColor(shade, index);
  if (color === undefined) return {};
  const [r = 0, g = 0, b = 0] = shade.table.subarray(3 * index);
  const luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ink = luminance > 0.18 ? INK.dark : INK.light;
  return { style: { background: color, color: ink }, title: significant(advantage) };
}

const linear = (channel: number): number => (channel / 255) ** 2.2;
