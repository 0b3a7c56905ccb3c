import type { MatrixKind, Plan, Term } from "../../figure";
import { messages } from "../messages";
import { useSelection, type Pointer } from "./pointer";

const { figure: text } = messages;

interface FormulaProps {
  readonly plan: Plan;
  readonly pointer: Pointer;
  readonly onMatrix: (matrix: MatrixKind) => void;
}

/**
 * P = exp((f + g − C) / ε), with the numbers of the selected pair under its letters. Pointing at a term shows what it
 * belongs to: f a student token, g a teacher token, C the pair; pressing one goes there.
 */
export function Formula({ plan, pointer, onMatrix }: FormulaProps) {
  const { student, teacher, term } = useSelection(pointer);
  const chosen = student !== undefined && teacher !== undefined;
  const at = (student ?? 0) * plan.teacher.texts.length + (teacher ?? 0);
  const numbers: Readonly<Record<Term, number | undefined>> = {
    P: chosen ? plan.mass[at] : undefined,
    f: student === undefined ? undefined : plan.potentials?.student[student],
    g: teacher === undefined ? undefined : plan.potentials?.teacher[teacher],
    C: chosen ? plan.cost[at] : undefined,
    ε: plan.epsilon,
  };
  const point = (to: Term | undefined) =>
    pointer.select({ student, teacher, ...(to ? { term: to } : {}) }, pointer.get().pinned);
  const press: Readonly<Record<Term, () => void>> = {
    P: () => onMatrix("plan"),
    f: () => pointer.select({ student, teacher: undefined }, student !== undefined),
    g: () => pointer.select({ student: undefined, teacher }, teacher !== undefined),
    C: () => onMatrix("cost"),
    ε: () => document.querySelector<HTMLElement>(".epsilon input")?.focus(),
  };
  const button = (name: Term) => (
    <button
      type="button"
      className="term"
      data-on={term === name || undefined}
      title={text.terms[name]}
      onPointerEnter={() => point(name)}
      onPointerLeave={() => point(undefined)}
      onFocus={() => point(name)}
      onBlur={() => point(undefined)}
      onClick={press[name]}
    >
      <i>{name}</i>
      <small>{numbers[name] === undefined ? "\u00a0" : text.number(numbers[name])}</small>
    </button>
  );
  return (
    <span className="stage-formula terms">
      {button("P")} = exp(({button("f")} + {button("g")} − {button("C")}) / {button("ε")})
    </span>
  );
}
