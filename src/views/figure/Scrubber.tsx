import { useEffect, useId, useRef, type ReactNode } from "react";
import { drawTrack, prepare } from "../../figure";
import { messages } from "../messages";
import { usePalette } from "../theme/use-scheme";
import type { Player } from "./use-play";
import { useWidth } from "./use-width";

const { figure: text } = messages;
const HEIGHT = 44;

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
  readonly player?: Player | undefined;
}

/** Back and forth through what happened one after the other: the sweeps of a solver, the steps of a run. */
export function Scrubber({ label, at, last, onChange, shown, note, track, player }: ScrubberProps) {
  const id = useId();
  return (
    <div className={track ? "scrubber scrubber-curve" : "scrubber"}>
      {player && <PlayButton player={player} of={label} />}
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
            player?.stop();
            onChange(Number(event.target.value));
          }}
        />
      </div>
      <output htmlFor={id}>{shown}</output>
      {note}
    </div>
  );
}

export function PlayButton({
  player: { active, toggle },
  of,
}: {
  readonly player: Player;
  readonly of: string;
}) {
  return (
    <button
      type="button"
      className="play"
      onClick={toggle}
      aria-label={active ? text.stop : `${text.play}: ${of}`}
    >
      {active ? "❚❚" : "▶"}
    </button>
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
