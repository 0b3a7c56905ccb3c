import { useMemo, useState } from "react";
import type { PlanRecord } from "../../telemetry";
import { messages } from "../messages";
import { cividis } from "../plan/cividis";
import type { Cell } from "../plan/heatmap-layout";
import { HEIGHT, ribbonsOf, type Side, tokenWeight, WIDTH } from "./ribbon-paths";

const { start: text } = messages;

interface Pointed {
  readonly side: Side;
  readonly index: number;
}

interface RibbonsProps {
  readonly record: PlanRecord;
  /** The pair that is pointed at on the heat map, and how this picture points at one there. */
  readonly cell: Cell | undefined;
  readonly setCell: (cell: Cell | undefined) => void;
}

/** The plan as ribbons between two token lines; pointing at a token leaves its own. */
export function Ribbons({ record, cell, setCell }: RibbonsProps) {
  const { studentTokens, teacherTokens } = record;
  const ribbons = useMemo(() => ribbonsOf(record), [record]);
  const [token, setToken] = useState<Pointed>();
  // The heat map chose another pair since: it is that one.
  const pointed =
    token && cell && (token.side === "student" ? cell.row : cell.col) === token.index ? token : undefined;
  const isLit = (student: number, teacher: number) =>
    pointed
      ? (pointed.side === "student" ? student : teacher) === pointed.index
      : !cell || (cell.row === student && cell.col === teacher);
  const point = (next: Pointed) => {
    setToken(next);
    setCell(strongest(record, next));
  };
  const lit = { student: cell?.row, teacher: cell?.col };
  return (
    <div className="start-ribbons" tabIndex={0} role="region" aria-label={text.scroll}>
      <div className="ribbon-board" onPointerLeave={() => setCell(undefined)}>
        <TokenLine side="teacher" tokens={teacherTokens} lit={lit.teacher} onPoint={point} />
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
        <TokenLine side="student" tokens={studentTokens} lit={lit.student} onPoint={point} />
      </div>
    </div>
  );
}

/** The pair of a token that holds the most of its mass. */
function strongest({ plan, studentTokens, teacherTokens }: PlanRecord, { side, index }: Pointed): Cell {
  const [n, m] = [studentTokens.length, teacherTokens.length];
  const cells = Array.from({ length: side === "student" ? m : n }, (_, other) =>
    side === "student" ? { row: index, col: other } : { row: other, col: index },
  );
  const mass = ({ row, col }: Cell) => plan[row * m + col] ?? 0;
  return cells.reduce(
    (best, cell) => (mass(cell) > mass(best) ? cell : best),
    cells[0] ?? { row: 0, col: 0 },
  );
}

interface TokenLineProps {
  readonly side: Side;
  readonly tokens: readonly string[];
  /** Index of the one that is pointed at. */
  readonly lit: number | undefined;
  readonly onPoint: (pointed: Pointed) => void;
}

function TokenLine({ side, tokens, lit, onPoint }: TokenLineProps) {
  return (
    <div className={`ribbon-line chips-${side}`} aria-hidden="true">
      {tokens.map((token, index) => (
        // The same token stands in many places, and a line never changes.
        <span
          key={index}
          className="token"
          style={{ flexGrow: tokenWeight(token) }}
          data-lit={lit === index}
          onPointerEnter={() => onPoint({ side, index })}
        >
          {token}
        </span>
      ))}
    </div>
  );
}
