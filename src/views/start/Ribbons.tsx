import { useMemo, useState } from "react";
import type { PlanRecord } from "../../telemetry";
import { messages } from "../messages";
import { cividis } from "../plan/cividis";
import { HEIGHT, ribbonsOf, type Side, tokenWeight, WIDTH } from "./ribbon-paths";

const { start: text } = messages;

interface Pointed {
  readonly side: Side;
  readonly index: number;
}

/** The plan as ribbons between two token lines; pointing at a token leaves its own. */
export function Ribbons({ record }: { readonly record: PlanRecord }) {
  const { studentTokens, teacherTokens } = record;
  const ribbons = useMemo(() => ribbonsOf(record), [record]);
  const [pointed, setPointed] = useState<Pointed>();
  const isLit = (student: number, teacher: number) =>
    !pointed || (pointed.side === "student" ? student : teacher) === pointed.index;
  return (
    <div className="start-ribbons" tabIndex={0} role="region" aria-label={text.scroll}>
      <div className="ribbon-board" onPointerLeave={() => setPointed(undefined)}>
        <TokenLine side="teacher" tokens={teacherTokens} pointed={pointed} onPoint={setPointed} />
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={text.ribbonsLabel(studentTokens.length, teacherTokens.length)}
        >
          {ribbons.map(({ student, teacher, path, share }) => (
            <path
              key={`${student} ${teacher}`}
              d={path}
              fill={cividis(Math.sqrt(share))}
              opacity={isLit(student, teacher) ? 0.15 + 0.8 * share : 0.05}
            />
          ))}
        </svg>
        <TokenLine side="student" tokens={studentTokens} pointed={pointed} onPoint={setPointed} />
      </div>
    </div>
  );
}

interface TokenLineProps {
  readonly side: Side;
  readonly tokens: readonly string[];
  readonly pointed: Pointed | undefined;
  readonly onPoint: (pointed: Pointed) => void;
}

function TokenLine({ side, tokens, pointed, onPoint }: TokenLineProps) {
  return (
    <div className={`ribbon-line chips-${side}`} aria-hidden="true">
      {tokens.map((token, index) => (
        // The same token stands in many places, and a line never changes.
        <span
          key={index}
          className="token"
          style={{ flexGrow: tokenWeight(token) }}
          data-lit={pointed?.side === side && pointed.index === index}
          onPointerEnter={() => onPoint({ side, index })}
        >
          {token}
        </span>
      ))}
    </div>
  );
}
