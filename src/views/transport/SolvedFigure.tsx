import { useCallback, useMemo } from "react";
import { chartSvg } from "../charts/chart-svg";
import { CopyEmbed } from "../embed/CopyEmbed";
import { columnRows, type Palette } from "../../figure";
import type { LogSliderProps } from "../figure/LogSlider";
import { screenPointer } from "../figure/pointer";
import { PlanFigure } from "../figure/PlanFigure";
import { SaveFigure, type Figure } from "../figure/SaveFigure";
import type { ScrubberProps } from "../figure/Scrubber";
import { usePlay } from "../figure/use-play";
import { significant } from "../format";
import { messages } from "../messages";
import { usePalette } from "../theme/use-scheme";
import { useTransportScreen, useTransportState } from "../use-app";
import { agreementPairs } from "./pairs";
import type { Shown } from "./use-shown";

const { transport: text, figure: words } = messages;

/** The plan of the Transport screen, of its lessons and of what others embed. */
export function SolvedFigure({ shown }: { readonly shown: Shown }) {
  const transportScreen = useTransportScreen();
  const palette = usePalette();
  const show = useTransportState((state) => state.view.show);
  const { solved, plan, sweep, last } = shown;
  const { errors, gradient } = solved.solution;
  const pairs = useMemo(() => agreementPairs(solved.lines, show.overlay), [solved.lines, show.overlay]);
  return (
    <PlanFigure
      id="stage"
      name={`sweep-${sweep}`}
      title={`${text.sweep} ${text.sweepOf(sweep, last)}`}
      plan={plan}
      pointer={screenPointer(transportScreen)}
      view={show}
      onView={transportScreen.show}
      gradient={gradient ?? null}
      pairs={pairs}
      epsilon={useEpsilon()}
      steps={useSweeps(shown)}
      beside={<CopyEmbed />}
      after={
        <SaveFigure
          of={text.sweepTrack}
          title={text.residual}
          figure={() => residualFigure(errors, palette)}
        />
      }
    />
  );
}

function useSweeps({ solved, sweep, last }: Shown): ScrubberProps {
  const transportScreen = useTransportScreen();
  const { errors } = solved.solution;
  const onChange = useCallback(
    (at: number) => transportScreen.show({ sweep: at >= last ? null : at }),
    [transportScreen, last],
  );
  const error = sweep === 0 ? text.start : text.sweepError(words.number(errors[sweep] ?? Number.NaN));
  const player = usePlay(sweep, last, onChange);
  const shown = `${text.sweepOf(sweep, last)}, ${error}`;
  return { label: text.sweep, at: sweep, last, onChange, shown, track: errors, player };
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

function useEpsilon(): LogSliderProps {
  const transportScreen = useTransportScreen();
  const { epsilon, relative } = useTransportState(({ view }) => view);
  const shown = significant(epsilon);
  return {
    letter: "ε",
    name: relative ? words.epsilon.relative : words.epsilon.absolute,
    className: "epsilon",
    shown: relative ? words.epsilon.inMeanCosts(shown) : text.epsilonAbsolute(shown),
    range: RANGES[relative ? "relative" : "absolute"],
    value: epsilon,
    onChange: (value) => transportScreen.change({ epsilon: value }),
  };
}
