// The address bar follows the screen, and the screen follows the address bar. Replaced, not pushed: the back
// button goes from screen to screen, not from slider position to slider position.
import { linkOf } from "../store";
import { EMBED, hashOf, placeOf, queryOf, routeOf, type Route } from "./routes";
import type { PageApp } from "./use-app";

const WRITE_MS = 250;
/** Screens without a state of their own in the link. */
const STATELESS: readonly Route[] = ["start", "compare", "learn", "models", "data", "device"];

export function followLinks(page: PageApp): void {
  if (placeOf(location.hash)[0] === EMBED) return; // an embedded figure keeps the address it was given
  const read = () => {
    const query = queryOf(location.hash);
    switch (routeOf(location.hash)) {
      case "distill":
        return query ? page.actions.openLink(query) : undefined;
      case "transport":
        return query ? page.lab.fromLink(query) : undefined;
      case "compare":
      case "device":
      case "start":
      case "learn":
      case "models":
      case "data":
        return undefined; // no state of their own in the link
    }
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      const hash = currentHash(page);
      if (hash !== undefined && hash !== location.hash) history.replaceState(null, "", hash);
    }, WRITE_MS);
  };
  read();
  addEventListener("hashchange", read);
  page.store.subscribe((now, before) => now.draft !== before.draft && write());
  page.lab.store.subscribe((now, before) => now.view !== before.view && write());
}

/** The present state as a hash; undefined while the form holds something that is no config. */
export function currentHash({ store, lab }: PageApp): string | undefined {
  const route = routeOf(location.hash);
  if (STATELESS.includes(route)) return undefined;
  if (route === "transport") return hashOf(route, lab.toLink());
  const query = linkOf(store.getState().draft);
  return query === undefined ? undefined : hashOf(route, query);
}
