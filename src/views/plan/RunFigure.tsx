import { useState } from "react";
import { relativeEpsilon } from "../../figure";
import { planOfRecord, shownRecord, storedPlans } from "../../store";
import type { PlanRecord } from "../../telemetry";
import { Flows } from "../figure/Flows";
import { LogSlider } from "../figure/LogSlider";
import { createPointer, type Pointer } from "../figure/pointer";
import { PlanFigure, type FigureView } from "../figure/PlanFigure";
import { Readouts } from "../figure/Readouts";
import { Scrubber } from "../figure/Scrubber";
import { significant } from "../format";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";
import { namesOf } from "./site-name";

const { plan: text, figure: words } = messages;

interface RunFigureProps {
  readonly record: PlanRecord;
  /** Given where another figure points at the same pairs. */
  readonly pointer?: Pointer;
}

/** A run's plan: of any step that was kept, and with any other ε. */
export function RunFigure({ record, pointer: shared }: RunFigureProps) {
  const [own] = useState(createPointer);
  const pointer = shared ?? own;
  const [form, setForm] = useState<FigureView["form"]>("matrix");
  const scale = useApp((state) => state.colorScale);
  const { chooseColorScale } = useActions();
  const plan = planOfRecord(record);
  const onView = (part: Partial<FigureView>) => {
    if (part.form) setForm(part.form);
    if (part.scale) chooseColorScale(part.scale);
  };
  return (
    <>
      <PlanFigure
        id="plan-map"
        {...namesOf(record)}
        plan={plan}
        pointer={pointer}
        view={{ form, matrix: "plan", scale }}
        onView={onView}
      />
      <Steps />
      <Epsilon />
      <Readouts plan={plan} />
      <details className="flows">
        <summary>{text.flows}</summary>
        <Flows plan={plan} pointer={pointer} />
      </details>
    </>
  );
}

/** Back to the plan of an earlier step, and forward again. */
function Steps() {
  const steps = useApp((state) => storedPlans(state).map(({ step }) => step));
  const shown = useApp((state) => shownRecord(state)?.step);
  const following = useApp((state) => state.planStep === undefined);
  const { choosePlanStep } = useActions();
  if (steps.length < 2 || shown === undefined) return null;
  const last = steps.length - 1;
  return (
    <Scrubber
      label={text.storedStep}
      at={Math.max(
        0,
        steps.findLastIndex((step) => step <= shown),
      )}
      last={last}
      onChange={(at) => choosePlanStep(at >= last ? undefined : steps[at])}
      shown={text.atStep(shown)}
      note={<span className="muted">{following ? text.newest : text.earlier}</span>}
    />
  );
}

/** Powers of ten around the mean cost. */
const RANGE = [-3, 1] as const;

/** Solves the shown plan again, on the CPU, as it moves. */
function Epsilon() {
  const exploration = useApp((state) => state.exploration);
  const record = useApp((state) => shownRecord(state));
  const { explore } = useActions();
  if (!record) return null;
  const epsilon = exploration?.epsilon ?? relativeEpsilon(planOfRecord(record));
  return (
    <LogSlider
      letter="ε"
      name={words.epsilon.relative}
      className="epsilon"
      shown={words.epsilon.inMeanCosts(significant(epsilon))}
      range={RANGE}
      value={epsilon}
      onChange={explore}
      note={
        exploration ? (
          <>
            <span className={exploration.error ? "issue" : "muted"}>
              {exploration.error ?? text.resolved}
            </span>
            <button type="button" className="quiet" onClick={() => explore(undefined)}>
              {text.back}
            </button>
          </>
        ) : (
          <span className="muted">{text.asRun}</span>
        )
      }
    />
  );
}
