// How high a figure may be: what is left of the window below its toolbar, so that both are on one screen.
import { useEffect, useState, type RefObject } from "react";
import { NARROW } from "./use-media";

/** What is under a stage in any case: the line of what is pointed at. */
const FOOT_PX = 36;
const [LEAST_PX, MOST_PX] = [240, 1100];
/** In somebody's page the window's height is the figure's own. */
const EMBEDDED_PX = 560;
/** Less than this share of the window, and the figure has a screen of its own, further down. */
const OWN_SCREEN = { wide: 0.45, narrow: 0.26 };

export function useSpace(
  figure: RefObject<HTMLElement | null>,
  leave: number | undefined,
  presenting: boolean,
): number {
  const [height, setHeight] = useState(0);
  useEffect(() => {
    const node = figure.current;
    if (!node) return;
    const measure = () => setHeight(spaceOf(node, leave ?? 0));
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    observer.observe(node);
    addEventListener("resize", measure);
    measure();
    return () => {
      observer.disconnect();
      removeEventListener("resize", measure);
    };
  }, [figure, leave, presenting]);
  return height;
}

function spaceOf(node: HTMLElement, leave: number): number {
  if (node.closest(".embed") && !node.dataset["present"]) return EMBEDDED_PX;
  const stage = node.querySelector(".stage-measure");
  const bar = node.querySelector<HTMLElement>(".figure-bar")?.offsetHeight ?? 0;
  const head = node.getBoundingClientRect().top + (node.dataset["present"] ? 0 : scrollY);
  const above = stage ? stage.getBoundingClientRect().top - node.getBoundingClientRect().top : 0;
  // A bar below the stage needs its room, too: on a phone, and on the Start screen.
  const lower = node.querySelectorAll<HTMLElement>(".figure-below, .figure-room");
  const below = [...lower].reduce((sum, part) => sum + part.offsetHeight, 0);
  const under = FOOT_PX + leave + below + (above < bar ? bar : 0);
  const left = innerHeight - head - above - under;
  const share = OWN_SCREEN[matchMedia(NARROW).matches ? "narrow" : "wide"];
  const own = innerHeight - above - under;
  return Math.round(Math.min(MOST_PX, Math.max(LEAST_PX, left < share * innerHeight ? own : left)));
}
