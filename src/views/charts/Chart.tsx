import { useEffect, useRef } from "react";
import type uPlot from "uplot";
import type { RunHistory } from "../../store";
import { SaveFigure, type Figure } from "../figure/SaveFigure";
import { usePalette } from "../theme/use-scheme";
import type { Palette } from "../../figure";
import { createPlot, type PlotSpec } from "./plot";

/** What a chart draws, and who says when it changed. */
export type Changing = Pick<RunHistory, "subscribe">;

interface ChartProps<Source extends Changing> {
  readonly title: string;
  readonly label: string;
  readonly history: Source;
  /** Made again when the colours or the lines change; must be stable otherwise. */
  readonly spec: (palette: Palette) => PlotSpec;
  readonly columns: (history: Source) => uPlot.AlignedData;
  /** Index of the step under the cursor, or undefined: the last. */
  readonly onIndex: (index: number | undefined) => void;
  /** The chart as a file. */
  readonly figure: (history: Source, palette: Palette) => Figure | undefined;
}

/** A chart that redraws with the display, straight from the history: React renders it once. */
export function Chart<Source extends Changing>({
  title,
  label,
  history,
  spec,
  columns,
  onIndex,
  figure,
}: ChartProps<Source>) {
  const host = useRef<HTMLDivElement>(null);
  const palette = usePalette();
  useEffect(() => {
    if (!host.current) return;
    let hovered: number | undefined;
    const plot = createPlot(host.current, spec(palette), palette, (index) => {
      if (index !== hovered) onIndex((hovered = index));
    });
    const redraw = () => {
      plot.draw(columns(history));
      onIndex(hovered);
    };
    const stop = onFrames(history, redraw);
    redraw();
    return () => {
      stop();
      plot.destroy();
    };
  }, [palette, history, spec, columns, onIndex]);
  return (
    <>
      <div ref={host} className="chart" role="img" aria-label={label} />
      <SaveFigure of={title} figure={() => figure(history, palette)} />
    </>
  );
}

/** At most one call per frame, however often the history changes; none while the tab is hidden. */
function onFrames(history: Changing, redraw: () => void): () => void {
  let frame = 0;
  const unsubscribe = history.subscribe(() => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      redraw();
    });
  });
  return () => {
    unsubscribe();
    cancelAnimationFrame(frame);
  };
}
