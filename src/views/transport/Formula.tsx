import type { Term } from "../../store";
import { messages } from "../messages";
import { useLab, useLabState } from "../use-app";
import type { Shown } from "./use-shown";

const { transport: text } = messages;

/**
 * P = exp((f + g − C) / ε), with the numbers of the selected pair under its letters. Pointing at a term shows what it
 * belongs to: f a student token, g a teacher token, C the pair; pressing one goes there.
 */
export function Formula({ shown }: { readonly shown: Shown }) {
  const lab = useLab();
  const { student, teacher, term } = useLabState((state) => state.selection);
  const { solution } = shown.solved;
  const { n, m, sweep } = shown;
  const chosen = student !== undefined && teacher !== undefined;
  const at = (student ?? 0) * m + (teacher ?? 0);
  const numbers: Readonly<Record<Term, number | undefined>> = {
    P: chosen ? shown.plan[at] : undefined,
    f: student === undefined ? undefined : solution.f[sweep * n + student],
    g: teacher === undefined ? undefined : solution.g[sweep * m + teacher],
    C: chosen ? solution.cost[at] : undefined,
    ε: solution.epsilon,
  };
  const point = (to: Term | undefined) => {
    const { selection, pinned } = lab.store.getState();
    lab.select(
      { student: selection.student, teacher: selection.teacher, ...(to ? { term: to } : {}) },
      pinned,
    );
  };
  const press: Readonly<Record<Term, () => void>> = {
    P: () => lab.show({ matrix: "plan" }),
    f: () => lab.select({ student, teacher: undefined }, student !== undefined),
    g: () => lab.select({ student: undefined, teacher }, teacher !== undefined),
    C: () => lab.show({ form: "matrix", matrix: "cost" }),
    ε: () => document.querySelector<HTMLElement>(".lab-epsilon input")?.focus(),
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
