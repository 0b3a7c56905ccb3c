// A figure on the whole screen, led by keys: for a room.
import { useEffect, useEffectEvent, useState, type RefObject } from "react";
import type { LogSliderProps } from "./LogSlider";
import type { ScrubberProps } from "./Scrubber";
import type { Player } from "./use-play";

interface Led {
  readonly epsilon?: LogSliderProps | undefined;
  readonly steps?: ScrubberProps | undefined;
  readonly player?: Player | undefined;
}

/** One press of a key, in powers of ten. */
const EPSILON_STEP = 0.1;

export interface Presenting {
  readonly on: boolean;
  toggle(): void;
}

export function usePresenting(figure: RefObject<HTMLElement | null>, usable: boolean, led: Led): Presenting {
  const [on, setOn] = useState(false);
  const toggle = () => {
    setOn(!on);
    // Where the browser does not allow it, the figure fills the window.
    if (!on) figure.current?.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) void document.exitFullscreen();
  };
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (!usable || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "p" || (on && event.key === "Escape")) toggle();
    else if (!on || !lead(event.key, led)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => onKey(event);
    const left = () => document.fullscreenElement ?? setOn(false);
    addEventListener("keydown", press, { capture: true });
    document.addEventListener("fullscreenchange", left);
    return () => {
      removeEventListener("keydown", press, { capture: true });
      document.removeEventListener("fullscreenchange", left);
    };
  }, []);
  return { on, toggle };
}

/** Whether the key did something. */
function lead(key: string, { epsilon, steps, player }: Led): boolean {
  const turn = { ArrowUp: 1, ArrowDown: -1 }[key];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (turn !== undefined && epsilon) {
    const [low, high] = epsilon.range;
    const power = Math.min(high, Math.max(low, Math.log10(epsilon.value) + turn * EPSILON_STEP));
    epsilon.onChange(Number((10 ** power).toPrecision(4)));
  } else if (step !== undefined && steps) {
    steps.player?.stop();
    steps.onChange(Math.min(steps.last, Math.max(0, steps.at + step)));
  } else if (key === " " && player) player.toggle();
  else return false;
  return true;
}

function isTyping(target: EventTarget | null): boolean {
  if (document.querySelector("dialog[open]")) return true;
  if (target instanceof HTMLInputElement) return !["range", "radio", "checkbox"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
