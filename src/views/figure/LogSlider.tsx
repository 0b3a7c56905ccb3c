import { useId, type ReactNode } from "react";

export interface LogSliderProps {
  /** One letter, and what a screen reader calls it. */
  readonly letter: string;
  readonly name: string;
  readonly className: string;
  /** The value in words. */
  readonly shown: string;
  /** Powers of ten. */
  readonly range: readonly [number, number];
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly note?: ReactNode;
}

/** A positive number on a log scale: the one control of ε, and of τ. */
export function LogSlider({
  letter,
  name,
  className,
  shown,
  range: [low, high],
  value,
  onChange,
  note,
}: LogSliderProps) {
  const id = useId();
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => low + i);
  return (
    <div className={`log-slider ${className}`}>
      <label htmlFor={id} aria-label={name}>
        <i>{letter}</i>
      </label>
      <div className="log-track">
        <input
          id={id}
          type="range"
          min={low}
          max={high}
          step={0.02}
          value={Math.log10(value)}
          aria-valuetext={shown}
          onChange={(event) => onChange(Number((10 ** Number(event.target.value)).toPrecision(4)))}
        />
        <ol aria-hidden="true">
          {ticks.map((tick) => (
            <li key={tick} style={{ left: `${((tick - low) / (high - low)) * 100}%` }}>
              {10 ** tick}
            </li>
          ))}
        </ol>
      </div>
      <output htmlFor={id}>{shown}</output>
      {note && <p className="log-note">{note}</p>}
    </div>
  );
}
