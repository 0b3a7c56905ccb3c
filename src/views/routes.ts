// Screens by hash: `#/transport?v=1&…`. An unknown hash shows the first, so that old links keep working.
import { useSyncExternalStore } from "react";

export const ROUTES = [
  "start",
  "distill",
  "transport",
  "compare",
  "runs",
  "learn",
  "models",
  "data",
  "device",
  "study",
] as const;
/** Figures for other pages; no screen of this one. */
export const EMBED = "embed";
export type Route = (typeof ROUTES)[number];

/** Of the screen at that place: "g 1" to "g 9", and "g 0" for the tenth. */
export const keysOf = (index: number): string => `g ${(index + 1) % 10}`;

export function routeOf(hash: string): Route {
  const name = nameOf(hash);
  // Links of before there was a Start screen name no screen: what they hold is a run's settings.
  return ROUTES.find((route) => route === name) ?? (queryOf(hash) ? "distill" : ROUTES[0]);
}

const nameOf = (hash: string): string => hash.replace(/^#\/?/, "").split(/[/?]/)[0]?.toLowerCase() ?? "";

/** The name of a screen that there is none of; empty where there is one, and where none is named. */
function unknownScreen(hash: string): string {
  const name = nameOf(hash);
  const known: readonly string[] = [...ROUTES, EMBED, "main", ""];
  return known.includes(name) || queryOf(hash) ? "" : name;
}

export const useUnknownScreen = (): string =>
  useSyncExternalStore(subscribe, () => unknownScreen(location.hash));

/** The parts of a hash before its question mark: screen, lesson, step. */
export const placeOf = (hash: string): string[] =>
  (hash.replace(/^#?\/?/, "").split("?")[0] ?? "").split("/");

/** What follows the question mark: the state of the screen as a link. */
export const queryOf = (hash: string): string => hash.split("?").slice(1).join("?");

export const hashOf = (route: Route, query: string): string => `#/${route}${query ? `?${query}` : ""}`;

const subscribe = (changed: () => void): (() => void) => {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
};

export const useRoute = (): Route => useSyncExternalStore(subscribe, () => routeOf(location.hash));

const hash = () => location.hash;

export const usePlace = (): string[] => placeOf(useSyncExternalStore(subscribe, hash));
