// The stage's two canvases and what pointer, wheel and keys do on them. Imperative, because a hover must cost a
// redraw of one overlay and not a render: the selection lives in the lab's store, the viewport here.
import type { Lines, Pairing, PlanFacts, Selection, TransportLab } from "../../store";
import { NOTHING } from "../../store";
import type { Palette } from "../theme/palette";
import { drawMatrix, drawMatrixSelection, matrixImage, prepare } from "./draw-matrix";
import { drawMorph, drawRibbons, drawRibbonSelection } from "./draw-ribbons";
import {
  cellBox,
  cellUnder,
  clampViewport,
  largestZoom,
  matrixFrame,
  reveal,
  WHOLE,
  zoomAt,
  type MatrixFrame,
  type Viewport,
} from "./matrix-geometry";
import {
  flowsOf,
  ribbonFrame,
  ribbonsOf,
  ribbonUnder,
  tokenUnder,
  type Ribbon,
  type RibbonFrame,
} from "./ribbon-geometry";
import type { Shade } from "./shade";

interface SceneData {
  readonly form: "matrix" | "ribbons";
  readonly lines: Lines;
  readonly plan: Float32Array;
  readonly moved: PlanFacts["moved"];
  /** What the matrix shows: the plan, its cost or its gradient. */
  readonly values: Float32Array;
  readonly shade: Shade;
  readonly planShade: Shade;
  readonly palette: Palette;
  readonly pairs: Pairing | undefined;
  readonly width: number;
  readonly maxHeight: number;
  readonly calm: boolean;
}

/** Whether there is more to see in either direction: out and in of a matrix, left and right of ribbons. */
export interface Room {
  readonly less: boolean;
  readonly more: boolean;
}

export interface Scene {
  update(data: SceneData): void;
  zoom(factor: number): void;
  fit(): void;
  onKey(event: KeyboardEvent): void;
  destroy(): void;
}

const MORPH_MS = 180;
const RIBBON_GAP = 260;
const DRAG_PX = 4;

export function createScene(
  host: HTMLElement,
  lab: TransportLab,
  onRoom: (room: Room) => void = () => {},
): Scene {
  const [base, overlay] = [document.createElement("canvas"), document.createElement("canvas")];
  overlay.className = "stage-overlay";
  host.append(base, overlay);
  let data: SceneData | undefined;
  let frame: MatrixFrame | undefined;
  let view: Viewport = WHOLE;
  let image: HTMLCanvasElement | undefined;
  let scroll = 0;
  let ribbon: { frame: RibbonFrame; ribbons: readonly Ribbon[] } | undefined;
  let animation = 0;

  const layRibbons = () => {
    if (!data) return;
    const { lines, plan, width } = data;
    const at = ribbonFrame(lines, width, RIBBON_GAP, scroll);
    scroll = at.scroll;
    const flows = flowsOf(plan, lines.student.ids.length, lines.teacher.ids.length);
    ribbon = { frame: at, ribbons: ribbonsOf(lines, plan, flows, at) };
  };
  const size = () =>
    data?.form === "ribbons" && ribbon
      ? { width: ribbon.frame.width, height: ribbon.frame.height }
      : { width: frame?.width ?? 0, height: frame?.height ?? 0 };

  function draw(): void {
    if (!data || !frame || !image) return;
    const { width, height } = size();
    const pen = prepare(base, width, height);
    if (pen && data.form === "ribbons" && ribbon)
      drawRibbons(pen, { ...data, ...ribbon, shade: data.planShade });
    else if (pen) drawMatrix(pen, { ...data, image, frame, view });
    drawSelection();
    onRoom(
      data.form === "ribbons"
        ? { less: scroll > 0, more: scroll < (ribbon?.frame.most ?? 0) }
        : { less: view.zoom > 1, more: view.zoom < largestZoom(frame) },
    );
  }
  function drawSelection(): void {
    if (!data || !frame) return;
    const { width, height } = size();
    const pen = prepare(overlay, width, height);
    if (!pen || animation) return;
    const { selection } = lab.store.getState();
    if (data.form === "ribbons" && ribbon)
      drawRibbonSelection(pen, { ...data, ...ribbon, shade: data.planShade }, selection);
    else drawMatrixSelection(pen, { ...data, frame, view }, selection);
  }

  function morph(to: SceneData["form"]): void {
    const start = performance.now();
    const tick = () => {
      if (!data || !frame || !ribbon) return;
      const { frame: plot, ribbons } = ribbon;
      const t = Math.min(1, (performance.now() - start) / MORPH_MS);
      if (t >= 1) {
        animation = 0;
        draw();
        return;
      }
      const height = Math.max(plot.height, frame.height);
      const pen = prepare(base, Math.max(plot.width, frame.width), height);
      prepare(overlay, 1, 1);
      const cells = frame;
      const share = t * t * (3 - 2 * t);
      const picture = {
        frame: plot,
        lines: data.lines,
        ribbons,
        shade: data.planShade,
        palette: data.palette,
        moved: data.moved,
      };
      if (pen)
        drawMorph(pen, picture, (i, j) => cellBox(cells, view, i, j), to === "matrix" ? share : 1 - share);
      animation = requestAnimationFrame(tick);
    };
    cancelAnimationFrame(animation);
    animation = requestAnimationFrame(tick);
  }

  function update(next: SceneData): void {
    const before = data;
    data = next;
    const { lines } = next;
    const [rows, cols] = [lines.student.ids.length, lines.teacher.ids.length];
    const labels = { rowChars: longest(lines.student.texts), colChars: longest(lines.teacher.texts) };
    frame = matrixFrame({ rows, cols, width: next.width, maxHeight: next.maxHeight, ...labels });
    if (before?.lines !== lines) [view, scroll] = [WHOLE, 0];
    view = clampViewport(frame, view);
    if (!image || before?.values !== next.values || before.shade !== next.shade)
      image = matrixImage(next.values, rows, cols, next.shade);
    layRibbons();
    if (before && before.form !== next.form && !next.calm) morph(next.form);
    else if (!animation) draw();
  }

  const moveTo = (next: Viewport) => {
    view = next;
    draw();
  };
  /** The middle of what is chosen, which zooming must not lose; else of the plot. */
  const chosenPlace = (on: MatrixFrame) => {
    const { student, teacher } = lab.store.getState().selection;
    const { left, top, plotWidth, plotHeight } = on;
    const box = cellBox(on, view, student ?? 0, teacher ?? 0);
    const within = (at: number, from: number, room: number) => Math.min(from + room, Math.max(from, at));
    return {
      x: teacher === undefined ? left + plotWidth / 2 : within(box.x + box.width / 2, left, plotWidth),
      y: student === undefined ? top + plotHeight / 2 : within(box.y + box.height / 2, top, plotHeight),
    };
  };
  const zoomBy = (factor: number, x?: number, y?: number) => {
    if (!frame || data?.form !== "matrix") return;
    const about = chosenPlace(frame);
    moveTo(zoomAt(frame, view, factor, x ?? about.x, y ?? about.y));
  };
  const panBy = (dx: number, dy: number) => {
    if (data?.form === "ribbons") {
      scroll += dx;
      layRibbons();
      draw();
    } else if (frame) moveTo(clampViewport(frame, { zoom: view.zoom, x: view.x + dx, y: view.y + dy }));
  };

  function under(x: number, y: number): Selection {
    if (!data || !frame) return NOTHING;
    if (data.form === "matrix") {
      const cell = cellUnder(frame, view, x, y);
      return cell ? { student: cell.row, teacher: cell.col } : labelUnder(frame, view, x, y);
    }
    if (!ribbon) return NOTHING;
    const token = tokenUnder(data.lines, ribbon.frame, x, y);
    if (token) return { ...NOTHING, [token.side]: token.index };
    const over = ribbonUnder(ribbon.ribbons, ribbon.frame, x, y);
    return over ? { student: over.row, teacher: over.col } : NOTHING;
  }

  let drag: { x: number; y: number; moved: boolean } | undefined;
  const place = (event: PointerEvent | WheelEvent | MouseEvent) => {
    const box = host.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const zoomed = () => (data?.form === "ribbons" ? (ribbon?.frame.most ?? 0) > 0 : view.zoom > 1);
  const onMove = (event: PointerEvent) => {
    const { x, y } = place(event);
    if (drag && zoomed() && (drag.moved || Math.hypot(x - drag.x, y - drag.y) > DRAG_PX)) {
      panBy(drag.x - x, drag.y - y);
      drag = { x, y, moved: true };
      return;
    }
    if (!lab.store.getState().pinned) lab.select(under(x, y));
  };
  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    drag = { ...place(event), moved: false };
    if (event.pointerType !== "touch") host.setPointerCapture(event.pointerId);
  };
  const onUp = (event: PointerEvent) => {
    const { x, y } = place(event);
    if (drag && !drag.moved) {
      const found = under(x, y);
      const { pinned, selection } = lab.store.getState();
      const same = pinned && selection.student === found.student && selection.teacher === found.teacher;
      const nothing = found.student === undefined && found.teacher === undefined;
      lab.select(same ? NOTHING : found, !same && !nothing);
    }
    drag = undefined;
  };
  const onLeave = () => {
    if (!lab.store.getState().pinned) lab.select(NOTHING);
  };
  const onWheel = (event: WheelEvent) => {
    const { x, y } = place(event);
    if (event.ctrlKey || event.metaKey) zoomBy(Math.exp(-event.deltaY / 300), x, y);
    else if (zoomed() && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)))
      panBy(event.deltaX || event.deltaY, 0);
    else return; // the page scrolls
    event.preventDefault();
  };
  const onDouble = (event: MouseEvent) => zoomBy(2, place(event).x, place(event).y);
  host.addEventListener("pointermove", onMove);
  host.addEventListener("pointerdown", onDown);
  host.addEventListener("pointerup", onUp);
  host.addEventListener("pointercancel", onLeave);
  host.addEventListener("pointerleave", onLeave);
  host.addEventListener("wheel", onWheel, { passive: false });
  host.addEventListener("dblclick", onDouble);
  const unsubscribe = lab.store.subscribe((now, before) => {
    if (now.selection !== before.selection) drawSelection();
  });

  function onKey(event: KeyboardEvent): void {
    if (!data || !frame) return;
    const { selection } = lab.store.getState();
    const move = KEYS[event.key];
    if (move) {
      const at = { row: selection.student ?? 0, col: selection.teacher ?? 0 };
      const fresh = selection.student === undefined && selection.teacher === undefined;
      const to = fresh ? at : move(at, frame);
      lab.select({ student: inside(to.row, frame.rows), teacher: inside(to.col, frame.cols) }, true);
      const { selection: now } = lab.store.getState();
      view = reveal(frame, view, { row: now.student ?? 0, col: now.teacher ?? 0 });
      draw();
    } else if (event.key === "Escape") lab.select(NOTHING);
    else if (event.key === "+" || event.key === "=") zoomBy(1.5);
    else if (event.key === "-") zoomBy(1 / 1.5);
    else if (event.key === "0") moveTo(WHOLE);
    else return;
    event.preventDefault();
  }

  return {
    update,
    zoom: (factor) => (data?.form === "matrix" ? zoomBy(factor) : panBy(factor > 1 ? 120 : -120, 0)),
    fit: () => moveTo(WHOLE),
    onKey,
    destroy() {
      cancelAnimationFrame(animation);
      unsubscribe();
      host.removeEventListener("pointermove", onMove);
      host.removeEventListener("pointerdown", onDown);
      host.removeEventListener("pointerup", onUp);
      host.removeEventListener("pointercancel", onLeave);
      host.removeEventListener("pointerleave", onLeave);
      host.removeEventListener("wheel", onWheel);
      host.removeEventListener("dblclick", onDouble);
      base.remove();
      overlay.remove();
    },
  };
}

type Cell = { row: number; col: number };
const KEYS: Readonly<Record<string, (at: Cell, frame: MatrixFrame) => Cell>> = {
  ArrowUp: ({ row, col }) => ({ row: row - 1, col }),
  ArrowDown: ({ row, col }) => ({ row: row + 1, col }),
  ArrowLeft: ({ row, col }) => ({ row, col: col - 1 }),
  ArrowRight: ({ row, col }) => ({ row, col: col + 1 }),
  Home: ({ row }) => ({ row, col: 0 }),
  End: ({ row }, { cols }) => ({ row, col: cols - 1 }),
  PageUp: ({ col }) => ({ row: 0, col }),
  PageDown: ({ col }, { rows }) => ({ row: rows - 1, col }),
};

const inside = (index: number, length: number): number => Math.min(length - 1, Math.max(0, index));
const longest = (texts: readonly string[]): number => texts.reduce((n, t) => Math.max(n, [...t].length), 1);

/** Pointing at an axis label selects the token alone. */
function labelUnder(frame: MatrixFrame, view: Viewport, x: number, y: number): Selection {
  const row = cellUnder(frame, view, frame.left + 1, y);
  const col = cellUnder(frame, view, x, frame.top + 1);
  if (x < frame.left && row) return { student: row.row, teacher: undefined };
  if (y < frame.top && col) return { student: undefined, teacher: col.col };
  return NOTHING;
}
