// A row of numbers on a log scale as the track of a slider: the marginal error of every sweep.
import type { Palette } from "./palette";

export interface TrackPicture {
  /** Numbers that are not above 0 leave a gap. */
  readonly values: ArrayLike<number>;
  readonly at: number;
  readonly width: number;
  readonly height: number;
  readonly palette: Palette;
}

const PAD = 8;

export function drawTrack(pen: CanvasRenderingContext2D, picture: TrackPicture): void {
  const { values, at, width, height, palette } = picture;
  const last = values.length - 1;
  const logs = Array.from(values, (e) => (e > 0 ? Math.log10(e) : Number.NaN));
  const finite = logs.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite, -1), Math.max(...finite, 0)];
  const x = (k: number) => PAD + (k / Math.max(1, last)) * (width - 2 * PAD);
  const y = (log: number) => 4 + ((high - log) / Math.max(1e-9, high - low)) * (height - 10);
  const line = (to: number, color: string, size: number) => {
    pen.strokeStyle = color;
    pen.lineWidth = size;
    pen.beginPath();
    let started = false;
    for (let k = 0; k <= to; k++) {
      const log = logs[k] ?? Number.NaN;
      if (!Number.isFinite(log)) continue;
      if (started) pen.lineTo(x(k), y(log));
      else pen.moveTo(x(k), y(log));
      started = true;
    }
    pen.stroke();
  };
  pen.lineWidth = 1;
  pen.strokeStyle = palette.rule;
  pen.beginPath();
  pen.moveTo(PAD, height - 3.5);
  pen.lineTo(width - PAD, height - 3.5);
  pen.stroke();
  line(last, palette.control, 1.5);
  line(at, palette.ink, 2);
  const log = logs[at] ?? Number.NaN;
  pen.fillStyle = palette.ink;
  pen.beginPath();
  pen.arc(x(at), Number.isFinite(log) ? y(log) : y(high), 5, 0, 2 * Math.PI);
  pen.fill();
  pen.strokeStyle = palette.ground;
  pen.lineWidth = 1.5;
  pen.stroke();
}
