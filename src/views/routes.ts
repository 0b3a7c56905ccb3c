// Screens by hash. One screen so far; an unknown hash shows it, so that old links keep working.
import { useSyncExternalStore } from "react";

export const ROUTES = ["distill"] as const;
export type Route = (typeof ROUTES)[number];

export function routeOf(hash: string): Route {
  const name = hash.replace(/^#\/?/, "").split(/[/?]/)[0];
  return ROUTES.find((route) => route === name) ?? "distill";
}

const subscribe = (changed: () => void): (() => void) => {
  addEventListener("hashchange", changed);
  return () => removeEventListener("hashchange", changed);
};

export const useRoute = (): Route => useSyncExternalStore(subscribe, () => routeOf(location.hash));
