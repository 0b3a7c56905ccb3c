import { useEffect, useRef } from "react";
import { LESSONS } from "../learn/lessons";
import { messages } from "../messages";
import { EMBED, type Route } from "../routes";

/** A screen that was gone to is seen from its top, has the keyboard, and names the tab. */
export function useArrival(route: Route, place: readonly string[]): void {
  const [, lesson, step] = place;
  const title = titleOf(route, lesson, step);
  useEffect(() => {
    if (place[0] !== EMBED) document.title = title;
  });
  const here = `${route}/${route === "learn" ? (lesson ?? "") : ""}`;
  const before = useRef(here);
  useEffect(() => {
    if (before.current === here) return; // where the visit began
    before.current = here;
    scrollTo(0, 0);
    document.querySelector<HTMLElement>("#main")?.focus({ preventScroll: true });
  }, [here]);
}

function titleOf(route: Route, lesson: string | undefined, step: string | undefined): string {
  const { nav } = messages;
  const found = route === "learn" ? LESSONS.find(({ id }) => id === lesson) : undefined;
  if (found) return nav.title(`${found.title}, ${step ?? "1"}/${found.steps.length}`);
  return route === "start" ? nav.startTitle : nav.title(nav.routes[route]);
}
