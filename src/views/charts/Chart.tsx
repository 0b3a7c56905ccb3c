import { useEffect, useRef } from "react";
import type uPlot from "uplot";
import type { RunHistory } from "../../store";
import { usePalette } from "../theme/use-scheme";
import type { Palette } from "../theme/palette";
import { createPlot, type PlotSpec } from "./plot";

interface ChartProps {
  readonly label: string;
  readonly history: RunHistory;
  /** Made again when the colours or the lines change; must be stable otherwise. */
  readonly spec: (palette: Palette) => PlotSpec;
  readonly columns: (history: RunHistory) => uPlot.AlignedData;
  /** Index of the step under the cursor, or undefined: the last. */
  readonly onIndex: (index: number | undefined) => void;
}

/** A chart that redraws with the display, straight from the history: React renders it once. */
export function Chart({ label, history, spec, columns, onIndex }: ChartProps) {
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
  return <div ref={host} className="chart" role="img" aria-label={label} />;
}

/** At most one call per frame, however often the history changes; none while the tab is hidden. */
function onFrames(history: RunHistory, redraw: () => void): () => void {
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
