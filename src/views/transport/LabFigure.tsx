import { useCallback, useMemo } from "react";
import { chartSvg } from "../charts/chart-svg";
import { CopyEmbed } from "../embed/CopyEmbed";
import { columnRows, type Palette } from "../../figure";
import { LogSlider } from "../figure/LogSlider";
import { labPointer } from "../figure/pointer";
import { PlanFigure } from "../figure/PlanFigure";
import { SaveFigure, type Figure } from "../figure/SaveFigure";
import { Scrubber } from "../figure/Scrubber";
import { significant } from "../format";
import { messages } from "../messages";
import { usePalette } from "../theme/use-scheme";
import { useLab, useLabState } from "../use-app";
import { agreementPairs } from "./pairs";
import type { Shown } from "./use-shown";

const { transport: text, figure: words } = messages;

/** The plan of the Transport screen, of its lessons and of what others embed. */
export function LabFigure({ shown }: { readonly shown: Shown }) {
  const lab = useLab();
  const show = useLabState((state) => state.view.show);
  const { solved, plan, sweep, last } = shown;
  const pairs = useMemo(() => agreementPairs(solved.lines, show.overlay), [solved.lines, show.overlay]);
  return (
    <>
      <PlanFigure
        id="stage"
        name={`sweep-${sweep}`}
        title={`${text.sweep} ${text.sweepOf(sweep, last)}`}
        plan={plan}
        pointer={labPointer(lab)}
        view={show}
        onView={lab.show}
        gradient={solved.solution.gradient ?? null}
        pairs={pairs}
        beside={<CopyEmbed />}
      />
      <Sweeps shown={shown} />
      <Epsilon />
    </>
  );
}

function Sweeps({ shown: { solved, sweep, last } }: { readonly shown: Shown }) {
  const lab = useLab();
  const palette = usePalette();
  const { errors } = solved.solution;
  const go = useCallback((at: number) => lab.show({ sweep: at >= last ? null : at }), [lab, last]);
  const error = sweep === 0 ? text.start : text.sweepError(words.number(errors[sweep] ?? Number.NaN));
  return (
    <>
      <Scrubber
        label={text.sweep}
        at={sweep}
        last={last}
        onChange={go}
        shown={`${text.sweepOf(sweep, last)}, ${error}`}
        track={errors}
        playable
      />
      <SaveFigure of={text.sweepTrack} figure={() => residualFigure(errors, palette)} />
    </>
  );
}

/** The marginal error of every sweep, as files. */
function residualFigure(errors: Float32Array, palette: Palette): Figure {
  const sweeps = Array.from(errors, (_, k) => k);
  const columns = [sweeps, Array.from(errors, (e) => (e > 0 ? e : null))];
  const line = { color: palette.ink, width: 1.5 };
  const spec = { height: 0, log: true, lines: [line], formatLeft: words.number };
  const axes = { title: text.sweepTrack, xTitle: text.sweep, names: [words.readouts.error], colors: palette };
  return {
    name: "couplet-sinkhorn-error",
    svg: () => chartSvg({ ...axes, spec, columns }),
    rows: () => columnRows([text.sweep, words.readouts.error], [sweeps, errors]),
  };
}

/** Ranges of ε in powers of ten: around the mean cost, or around the published ε = 10. */
const RANGES = { relative: [-3, 1], absolute: [-2, 3] } as const;

function Epsilon() {
  const lab = useLab();
  const { epsilon, relative } = useLabState(({ view }) => view);
  const shown = significant(epsilon);
  return (
    <LogSlider
      letter="ε"
      name={relative ? words.epsilon.relative : words.epsilon.absolute}
      className="epsilon"
      shown={relative ? words.epsilon.inMeanCosts(shown) : text.epsilonAbsolute(shown)}
      range={RANGES[relative ? "relative" : "absolute"]}
      value={epsilon}
      onChange={(value) => lab.change({ epsilon: value })}
    />
  );
}
