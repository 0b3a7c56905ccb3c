import { useState } from "react";
import { relativeEpsilon, type Plan } from "../../figure";
import { planOfRecord, shownRecord, storedPlans } from "../../store";
import type { PlanRecord } from "../../telemetry";
import { Flows } from "../figure/Flows";
import type { LogSliderProps } from "../figure/LogSlider";
import { createPointer, type Pointer } from "../figure/pointer";
import { PlanFigure, type FigureView } from "../figure/PlanFigure";
import { Readouts } from "../figure/Readouts";
import type { ScrubberProps } from "../figure/Scrubber";
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
        epsilon={useEpsilon(plan)}
        steps={useSteps()}
      />
      <Readouts plan={plan} />
      <details className="flows" data-plan-step={record.step}>
        <summary>{text.flows}</summary>
        <Flows plan={plan} pointer={pointer} />
      </details>
    </>
  );
}

/** Back to the plan of an earlier step, and forward again. */
function useSteps(): ScrubberProps | undefined {
  const steps = useApp((state) => storedPlans(state).map(({ step }) => step));
  const shown = useApp((state) => shownRecord(state)?.step) ?? 0;
  const following = useApp((state) => state.planStep === undefined);
  const { choosePlanStep } = useActions();
  const last = steps.length - 1;
  const at = Math.max(
    0,
    steps.findLastIndex((step) => step <= shown),
  );
  const onChange = (to: number) => choosePlanStep(to >= last ? undefined : steps[to]);
  if (last < 1) return undefined;
  const note = <span className="muted">{following ? text.newest : text.earlier}</span>;
  return { label: text.storedStep, at, last, onChange, shown: text.atStep(shown), note };
}

/** Powers of ten around the mean cost. */
const RANGE = [-3, 1] as const;

/** Solves the shown plan again, on the CPU, as it moves. */
function useEpsilon(plan: Plan): LogSliderProps {
  const exploration = useApp((state) => state.exploration);
  const ofRun = useApp((state) => shownRecord(state));
  const { explore } = useActions();
  const epsilon = exploration?.epsilon ?? relativeEpsilon(ofRun ? planOfRecord(ofRun) : plan);
  return {
    ...{ letter: "ε", name: words.epsilon.relative, className: "epsilon" },
    shown: words.epsilon.inMeanCosts(significant(epsilon)),
    ...{ range: RANGE, value: epsilon, onChange: explore },
    note: exploration ? (
      <>
        <span className={exploration.error ? "issue" : "muted"}>{exploration.error ?? text.resolved}</span>
        <button type="button" className="quiet" onClick={() => explore(undefined)}>
          {text.back}
        </button>
      </>
    ) : (
      <span className="muted">{text.asRun}</span>
    ),
  };
}
