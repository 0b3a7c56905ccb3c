import type { Theme } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";
import { hashOf, ROUTES, useRoute } from "../routes";
import { DeviceChip } from "./DeviceChip";
import { Palette } from "./Palette";
import { Segmented } from "./Segmented";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function Header() {
  return (
    <header className="page-head">
      <a className="skip" href="#main">
        {messages.skip}
      </a>
      <h1>{messages.name}</h1>
      <Screens />
      <p className="promise">{messages.promise}</p>
      <Palette />
      <DeviceChip />
      <ThemeSwitch />
    </header>
  );
}

/** Each screen keeps its own state: a link back to it carries no query. */
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
