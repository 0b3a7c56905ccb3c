import { useEffect, useId, useRef, useState } from "react";
import type { TransportLab } from "../../store";
import { chartSvg } from "../charts/chart-svg";
import { columnRows } from "../figure/rows";
import { SaveFigure, type Figure } from "../figure/SaveFigure";
import { messages } from "../messages";
import { useWidth } from "../plan/use-width";
import type { Palette } from "../theme/palette";
import { useLab } from "../use-app";
import { prepare } from "./draw-matrix";
import type { Shown } from "./use-shown";

const { transport: text } = messages;
const HEIGHT = 44;
const PAD = 8;
const PLAY_MS = 60;

/** Walks the iteration; the marginal error of every sweep is the slider's track. */
export function Scrubber({ shown, palette }: { readonly shown: Shown; readonly palette: Palette }) {
  const id = useId();
  const lab = useLab();
  const [host, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const { errors } = shown.solved.solution;
  const { sweep, last } = shown;
  useEffect(() => {
    const pen = prepare(canvas.current, width, HEIGHT);
    if (pen) drawTrack(pen, { errors, sweep, width, palette });
  }, [errors, sweep, width, palette]);
  const { active, toggle, stop } = usePlay(sweep, last, lab);
  const error = errors[sweep] ?? Number.NaN;
  return (
    <div className="scrubber">
      <button type="button" onClick={toggle} aria-label={active ? text.stopSweeps : text.playSweeps}>
        {active ? "❚❚" : "▶"}
      </button>
      <div ref={host} className="scrubber-track">
        <canvas ref={canvas} aria-hidden="true" />
        <input
          id={id}
          type="range"
          min={0}
          max={last}
          step={1}
          value={sweep}
          aria-label={text.sweep}
          aria-valuetext={`${text.sweepOf(sweep, last)}, ${sweep === 0 ? text.start : text.sweepError(text.number(error))}`}
          onChange={(event) => {
            stop();
            const value = Number(event.target.value);
            lab.show({ sweep: value >= last ? null : value });
          }}
        />
      </div>
      <p className="scrubber-note">
        <span>
          {text.sweep} <b>{text.sweepOf(sweep, last)}</b>
        </span>
        <span className="muted">{sweep === 0 ? text.start : text.sweepError(text.number(error))}</span>
        <span className="muted">{text.sweepTrack}</span>
      </p>
      <SaveFigure of={text.sweepTrack} figure={() => residualFigure(shown, palette)} />
    </div>
  );
}

/** The marginal error of every sweep, as files. */
function residualFigure({ solved }: Shown, palette: Palette): Figure {
  const { errors } = solved.solution;
  const sweeps = Array.from(errors, (_, k) => k);
  const columns = [sweeps, Array.from(errors, (e) => (e > 0 ? e : null))];
  const spec = { height: 0, log: true, lines: [{ color: palette.ink, width: 1.5 }], formatLeft: text.number };
  const axes = { title: text.sweepTrack, xTitle: text.sweep, names: [text.sweepErrorName], colors: palette };
  return {
    name: "couplet-sinkhorn-error",
    svg: () => chartSvg({ ...axes, spec, columns }),
    rows: () => columnRows([text.sweep, text.sweepErrorName], [sweeps, errors]),
  };
}

interface Playing {
  readonly active: boolean;
  readonly toggle: () => void;
  readonly stop: () => void;
}

/** Sweep after sweep, from the start when it stands at the end. */
function usePlay(sweep: number, last: number, lab: TransportLab): Playing {
  const [playing, setPlaying] = useState(false);
  const active = playing && sweep < last;
  useEffect(() => {
    if (!active) return;
    const next = sweep + Math.max(1, Math.round(last / 80));
    const timer = setTimeout(() => lab.show({ sweep: next >= last ? null : next }), PLAY_MS);
    return () => clearTimeout(timer);
  }, [active, sweep, last, lab]);
  const toggle = () => {
    if (!active && sweep >= last) lab.show({ sweep: 0 });
    setPlaying(!active);
  };
  return { active, toggle, stop: () => setPlaying(false) };
}

interface Track {
  readonly errors: Float32Array;
  readonly sweep: number;
  readonly width: number;
  readonly palette: Palette;
}

function drawTrack(pen: CanvasRenderingContext2D, { errors, sweep, width, palette }: Track): void {
  const last = errors.length - 1;
  const logs = Array.from(errors, (e) => (e > 0 ? Math.log10(e) : Number.NaN));
  const finite = logs.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite, -1), Math.max(...finite, 0)];
  const x = (k: number) => PAD + (k / Math.max(1, last)) * (width - 2 * PAD);
  const y = (log: number) => 4 + ((high - log) / Math.max(1e-9, high - low)) * (HEIGHT - 10);
  const line = (from: number, to: number, color: string, size: number) => {
    pen.strokeStyle = color;
    pen.lineWidth = size;
    pen.beginPath();
    let started = false;
    for (let k = from; k <= to; k++) {
      const log = logs[k] ?? Number.NaN;
      if (!Number.isFinite(log)) continue;
      if (started) pen.lineTo(x(k), y(log));
      else pen.moveTo(x(k), y(log));
      started = true;
    }
    pen.stroke();
  };
  pen.strokeStyle = palette.rule;
  pen.beginPath();
  pen.moveTo(PAD, HEIGHT - 3.5);
  pen.lineTo(width - PAD, HEIGHT - 3.5);
  pen.stroke();
  line(0, last, palette.control, 1.5);
  line(0, sweep, palette.ink, 2);
  const log = logs[sweep] ?? Number.NaN;
  pen.fillStyle = palette.ink;
  pen.beginPath();
  pen.arc(x(sweep), Number.isFinite(log) ? y(log) : y(high), 5, 0, 2 * Math.PI);
  pen.fill();
  pen.strokeStyle = palette.ground;
  pen.lineWidth = 1.5;
  pen.stroke();
}
