import type { MouseEvent } from "react";
import { useStore } from "zustand";
import type { Theme } from "../../store";
import { messages } from "../messages";
import { useActions, useApp, useAppParts } from "../use-app";
import { hashOf, ROUTES, useRoute } from "../routes";
import { DeviceChip } from "./DeviceChip";
import { Palette } from "./Palette";
import { Segmented } from "./Segmented";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function Header() {
  return (
    <header className="page-head">
      <a className="skip" href="#main" onClick={skip}>
        {messages.skip}
      </a>
      <h1>{messages.name}</h1>
      <Screens />
      <GoingOn />
      <p className="promise">{messages.promise}</p>
      <Palette />
      <DeviceChip />
      <ThemeSwitch />
    </header>
  );
}

/** Under a router of hashes `#main` would name a screen, and an unknown one. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main")?.focus();
}

/** What trains elsewhere, with the way there. */
function GoingOn() {
  const route = useRoute();
  const { comparison } = useAppParts();
  const compares = useStore(comparison.store, ({ running, runs }) =>
    running ? messages.nav.comparing(runs.filter(({ status }) => status === "done").length, runs.length) : "",
  );
  const trains = useApp(({ run }) =>
    run.status === "running" ? messages.nav.training(run.step, run.config?.steps ?? 0) : "",
  );
  return (
    <>
      {compares && route !== "compare" && (
        <a className="going-on" href={hashOf("compare", "")}>
          {compares}
        </a>
      )}
      {trains && route !== "distill" && (
        <a className="going-on" href={hashOf("distill", "")}>
          {trains}
        </a>
      )}
    </>
  );
}

/** Each screen keeps its own state, and its address says it once one is there: see links.ts. */
function Screens() {
  const current = useRoute();
  return (
    <nav className="screens" aria-label={messages.nav.label}>
      {ROUTES.map((route) => (
        <a key={route} href={hashOf(route, "")} aria-current={route === current ? "page" : undefined}>
          {messages.nav.routes[route]}
        </a>
      ))}
    </nav>
  );
}

function ThemeSwitch() {
  const theme = useApp((state) => state.theme);
  const { chooseTheme } = useActions();
  const options = THEMES.map((value) => ({ value, text: messages.theme[value] }));
  return <Segmented label={messages.theme.label} options={options} value={theme} onChange={chooseTheme} />;
}
