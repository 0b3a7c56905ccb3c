import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { drawTrack, prepare } from "../../figure";
import { messages } from "../messages";
import { usePalette } from "../theme/use-scheme";
import { useWidth } from "./use-width";

const { figure: text } = messages;
const HEIGHT = 44;
const PLAY_MS = 60;
const PLAY_STEPS = 80;

export interface ScrubberProps {
  readonly label: string;
  /** 0 … last. */
  readonly at: number;
  readonly last: number;
  readonly onChange: (at: number) => void;
  /** Where it stands, in words. */
  readonly shown: string;
  readonly note?: ReactNode;
  /** A number for every position, drawn on a log scale as the slider's track. */
  readonly track?: Float32Array | undefined;
  readonly playable?: boolean;
}

/** Back and forth through what happened one after the other: the sweeps of a solver, the steps of a run. */
export function Scrubber({ label, at, last, onChange, shown, note, track, playable = false }: ScrubberProps) {
  const id = useId();
  const { active, toggle, stop } = usePlay(at, last, onChange);
  return (
    <div className={track ? "scrubber scrubber-curve" : "scrubber"}>
      {playable && (
        <button type="button" onClick={toggle} aria-label={active ? text.stop : `${text.play}: ${label}`}>
          {active ? "❚❚" : "▶"}
        </button>
      )}
      <label htmlFor={id}>{label}</label>
      <div className="scrubber-track">
        {track && <Track values={track} at={at} />}
        <input
          id={id}
          type="range"
          min={0}
          max={last}
          step={1}
          value={at}
          aria-valuetext={shown}
          onChange={(event) => {
            stop();
            onChange(Number(event.target.value));
          }}
        />
      </div>
      <output htmlFor={id}>{shown}</output>
      {note}
    </div>
  );
}

function Track({ values, at }: { readonly values: Float32Array; readonly at: number }) {
  const [host, width] = useWidth();
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = usePalette();
  useEffect(() => {
    const pen = prepare(canvas.current, width, HEIGHT, globalThis.devicePixelRatio || 1);
    if (pen) drawTrack(pen, { values, at, width, height: HEIGHT, palette });
  }, [values, at, width, palette]);
  return (
    <div ref={host} className="scrubber-canvas">
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}

/** One after the other, from the start when it stands at the end. */
function usePlay(at: number, last: number, onChange: (at: number) => void) {
  const [playing, setPlaying] = useState(false);
  const active = playing && at < last;
  useEffect(() => {
    if (!active) return;
    const next = Math.min(last, at + Math.max(1, Math.round(last / PLAY_STEPS)));
    const timer = setTimeout(() => onChange(next), PLAY_MS);
    return () => clearTimeout(timer);
  }, [active, at, last, onChange]);
  const toggle = () => {
    if (!active && at >= last) onChange(0);
    setPlaying(!active);
  };
  return { active, toggle, stop: () => setPlaying(false) };
}
