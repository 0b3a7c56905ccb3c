import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { flowAt, largestMass, type ColorScale } from "../../store";
import type { PlanRecord } from "../../telemetry";
import { SaveFigure } from "../figure/SaveFigure";
import { percent, significant } from "../format";
import { messages } from "../messages";
import { Segmented } from "../shell/Segmented";
import { usePalette } from "../theme/use-scheme";
import { useActions, useApp } from "../use-app";
import { cividis } from "./cividis";
import { scaleMass } from "./color-scale";
import { drawHeatmap } from "./draw-heatmap";
import { cellAt, layoutHeatmap, moveCell, type Cell, type HeatmapLayout } from "./heatmap-layout";
import { planFigure } from "./plan-figure";
import { useWidth } from "./use-width";

const { plan: text } = messages;
const MAX_HEIGHT = 600;

interface HeatmapProps {
  readonly record: PlanRecord;
  /** Of the map's element, for links and lessons that point at it. */
  readonly id?: string;
  /** What this plan is of, where there are several. */
  readonly of?: string;
  /** Given by several maps of the same tokens: they are pointed at together, and coloured alike. */
  readonly shared?: {
    readonly cell: Cell | undefined;
    readonly setCell: (cell: Cell | undefined) => void;
    readonly largest: number;
  };
}

/** The plan as a picture that can be pointed at and walked through. */
export function Heatmap({ record, id, of, shared }: HeatmapProps) {
  const [host, width] = useWidth();
  const own = useState<Cell>();
  const [chosen, setCell] = shared ? ([shared.cell, shared.setCell] as const) : own;
  const layout = useMemo(() => layoutOf(record, width), [record, width]);
  const cell = chosen && chosen.row < layout.rows && chosen.col < layout.cols ? chosen : undefined;
  const ownLargest = useMemo(() => largestMass(record), [record]);
  const largest = shared?.largest ?? ownLargest;
  const note = useId();
  const palette = usePalette();
  const scale = useApp((state) => state.colorScale);
  const onPointer = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setCell(cellAt(layout, event.clientX - box.left, event.clientY - box.top));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") return setCell(undefined);
    const next = moveCell(layout, cell ?? { row: 0, col: 0 }, event.key);
    if (!next) return;
    event.preventDefault();
    setCell(cell ? next : { row: 0, col: 0 });
  };
  return (
    <div className="heatmap">
      <div ref={host} className="heatmap-host">
        <div
          id={id}
          className="heatmap-map"
          role="application"
          tabIndex={0}
          aria-roledescription={text.role}
          aria-label={
            of ? `${of}: ${text.canvas(layout.rows, layout.cols)}` : text.canvas(layout.rows, layout.cols)
          }
          aria-describedby={note}
          onPointerMove={onPointer}
          onPointerDown={onPointer}
          onPointerLeave={() => setCell(undefined)}
          onKeyDown={onKey}
          style={{ width: layout.width, height: layout.height }}
        >
          {width > 0 && <Picture record={record} layout={layout} largest={largest} cell={cell} />}
        </div>
      </div>
      <p id={note} className="pair" aria-live="polite">
        {cell ? <Pair record={record} cell={cell} /> : <span className="muted">{text.hint}</span>}
      </p>
      <ScaleLegend largest={largest} choosable={!shared} />
      <SaveFigure
        of={of ? `${text.title}, ${of}` : text.title}
        figure={() => planFigure({ record, colors: palette, scale, largest, of })}
      />
    </div>
  );
}

function layoutOf({ studentTokens, teacherTokens }: PlanRecord, width: number): HeatmapLayout {
  return layoutHeatmap({
    rows: studentTokens.length,
    cols: teacherTokens.length,
    width: Math.max(120, width),
    maxHeight: MAX_HEIGHT,
    rowChars: longest(studentTokens),
    colChars: longest(teacherTokens),
  });
}

const longest = (tokens: readonly string[]): number => tokens.reduce((n, t) => Math.max(n, [...t].length), 1);

interface PictureProps {
  readonly record: PlanRecord;
  readonly layout: HeatmapLayout;
  readonly largest: number;
  readonly cell: Cell | undefined;
}

function Picture({ record, layout, largest, cell }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = usePalette();
  const scale = useApp((state) => state.colorScale);
  useEffect(() => {
    if (canvas.current) drawHeatmap(canvas.current, { record, layout, palette, scale, largest, cell });
  }, [record, layout, palette, scale, largest, cell]);
  return <canvas ref={canvas} data-step={record.step} />;
}

function Pair({ record, cell }: { readonly record: PlanRecord; readonly cell: Cell }) {
  const { mass, cost, rowShare } = flowAt(record, cell.row, cell.col);
  return (
    <>
      <span className="token id-student">{record.studentTokens[cell.row]}</span>
      <span aria-hidden="true"> → </span>
      <span className="token id-teacher">{record.teacherTokens[cell.col]}</span>
      <span className="number">
        {text.mass} <b>{significant(mass)}</b>
      </span>
      <span className="number muted">
        {percent(rowShare, 1)} {text.ofRow}
      </span>
      <span className="number muted">
        {text.cost} {significant(cost)}
      </span>
    </>
  );
}

const SCALES: readonly ColorScale[] = ["sqrt", "linear", "log"];
const STOPS = [0, 0.25, 0.5, 0.75, 1];
const GRADIENT = `linear-gradient(to right, ${Array.from({ length: 17 }, (_, i) => cividis(i / 16)).join(", ")})`;

/** The colour map with numbers on it. */
function ScaleLegend({ largest, choosable }: { readonly largest: number; readonly choosable: boolean }) {
  const scale = useApp((state) => state.colorScale);
  const { chooseColorScale } = useActions();
  const options = SCALES.map((value) => ({ value, text: text.scales[value] }));
  return (
    <div className="scale">
      <span className="muted">{text.mass}</span>
      <div className="scale-bar">
        <div style={{ background: GRADIENT }} aria-hidden="true" />
        <ol>
          {STOPS.map((stop) => (
            <li key={stop} style={{ left: `${stop * 100}%` }}>
              {significant(scaleMass(scale, stop, largest))}
            </li>
          ))}
        </ol>
      </div>
      {choosable && (
        <Segmented label={text.scaleLabel} options={options} value={scale} onChange={chooseColorScale} />
      )}
    </div>
  );
}
