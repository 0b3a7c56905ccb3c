// The address bar follows the screen, and the screen follows the address bar. Replaced, not pushed: the back
// button goes from screen to screen, not from slider position to slider position. The address holds one screen's
// state; the other's is kept for this tab, so that a reload anywhere loses neither.
import { draftFromLink, linkOf, linkOfView } from "../store";
import { messages } from "./messages";
import { EMBED, hashOf, placeOf, queryOf, routeOf, type Route } from "./routes";
import type { PageApp } from "./use-app";

const WRITE_MS = 250;
/** Screens without a state of their own in the link. */
const STATELESS: readonly Route[] = ["start", "compare", "learn", "models", "data", "device", "study"];

export function followLinks(page: PageApp): void {
  if (placeOf(location.hash)[0] === EMBED) return; // an embedded figure keeps the address it was given
  let known = location.hash; // as it was last read or written
  const write = () => {
    // Somebody went elsewhere and `read` has yet to hear of it: what stands there now is theirs.
    if (location.hash !== known) return;
    const hash = currentHash(page);
    if (hash !== undefined && hash !== location.hash) history.replaceState(history.state, "", hash);
    known = location.hash;
    keepScreens(page);
  };
  const read = () => {
    known = location.hash;
    const query = queryOf(location.hash);
    const route = routeOf(location.hash);
    // Who leaves a lesson gets back what was there before it, unless its state was asked for.
    const inLesson = route === "learn" && Boolean(placeOf(location.hash)[1]);
    if (!inLesson && !page.aside.store.getState().opened) page.aside.giveBack();
    // Who comes without a state finds the screen as it was left, and its address says so.
    if (query && STATELESS.includes(route))
      page.store.setState({ linkIssues: [messages.link.stateless(messages.nav.routes[route])] });
    if (!query || STATELESS.includes(route)) return write();
    if (route === "distill") page.actions.openLink(query);
    else page.transportScreen.fromLink(query);
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const writeSoon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      write();
    }, WRITE_MS);
  };
  bringScreensBack(page);
  read();
  addEventListener("hashchange", read);
  page.aside.store.subscribe(writeSoon);
  page.store.subscribe((now, before) => now.draft !== before.draft && writeSoon());
  page.transportScreen.store.subscribe((now, before) => now.view !== before.view && writeSoon());
}

/** The present state as a hash; undefined while the form holds something that is no config. */
export function currentHash({ store, transportScreen }: PageApp): string | undefined {
  const route = routeOf(location.hash);
  if (STATELESS.includes(route)) return undefined;
  if (route === "transport") return hashOf(route, transportScreen.toLink());
  const query = linkOf(store.getState().draft);
  return query === undefined ? undefined : hashOf(route, query);
}

const KEPT = "couplet.screens";

interface Screens {
  readonly distill?: string;
  readonly transport?: string;
  /** These are the person's own, and a lesson's state is opened over them. */
  readonly aside?: boolean;
}

function keepScreens({ store, transportScreen, aside }: PageApp): void {
  const { own, opened } = aside.store.getState();
  const distill = linkOf((own ?? store.getState()).draft);
  const transport = linkOfView((own ?? transportScreen.store.getState()).view);
  try {
    // A half-typed setting is no link: the last whole state stays.
    const before = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") as Screens;
    const screens: Screens = { distill: distill ?? before.distill ?? "", transport, aside: opened };
    sessionStorage.setItem(KEPT, JSON.stringify(screens));
  } catch {
    // Storage is denied: then the address alone holds a state, as it always did.
  }
}

function bringScreensBack({ actions, transportScreen, aside }: PageApp): void {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") as Screens;
    const { distill, transport } = kept;
    // Written by a page of another version, it may name what this one does not have: then there is nothing to bring.
    if (distill && draftFromLink(distill).issues.length === 0) actions.openLink(distill);
    if (transport) transportScreen.fromLink(transport);
    if (kept.aside) {
      aside.begin();
      aside.open();
    }
  } catch {
    // As above.
  }
}
