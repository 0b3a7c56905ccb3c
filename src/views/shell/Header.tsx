import type { Theme } from "../../store";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";
import { DeviceChip } from "./DeviceChip";
import { Segmented } from "./Segmented";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function Header() {
  return (
    <header className="page-head">
      <a className="skip" href="#plan-map">
        {messages.skip}
      </a>
      <h1>{messages.name}</h1>
      <p className="promise">{messages.promise}</p>
      <DeviceChip />
      <ThemeSwitch />
    </header>
  );
}

function ThemeSwitch() {
  const theme = useApp((state) => state.theme);
  const { chooseTheme } = useActions();
  const options = THEMES.map((value) => ({ value, text: messages.theme[value] }));
  return <Segmented label={messages.theme.label} options={options} value={theme} onChange={chooseTheme} />;
}
