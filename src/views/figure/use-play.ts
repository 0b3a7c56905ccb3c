// One position after the other, by itself.
import { useEffect, useState } from "react";

const PLAY_MS = 60;
const PLAY_STEPS = 80;

export interface Player {
  readonly active: boolean;
  toggle(): void;
  stop(): void;
}

/** From the start when it stands at the end. */
export function usePlay(at: number, last: number, onChange: (at: number) => void): Player {
  const [playing, setPlaying] = useState(false);
  const active = playing && at < last;
  useEffect(() => {
    if (!active) return;
    const next = Math.min(last, at + Math.max(1, Math.round(last / PLAY_STEPS)));
    const timer = setTimeout(() => onChange(next), PLAY_MS);
    return () => clearTimeout(timer);
  }, [active, at, last, onChange]);
  return {
    active,
    toggle() {
      if (!active && at >= last) onChange(0);
      setPlaying(!active);
    },
    stop: () => setPlaying(false),
  };
}
