import { DistillScreen } from "./DistillScreen";
import { useRoute, type Route } from "./routes";
import { ErrorBoundary } from "./shell/ErrorBoundary";
import { Header } from "./shell/Header";
import { Notices } from "./shell/Notices";
import { useThemeAttribute } from "./theme/use-scheme";
import { messages } from "./messages";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/run.css";
import "./styles/plan.css";
import "./styles/charts.css";
import "./styles/answers.css";

const SCREENS: Readonly<Record<Route, () => React.ReactNode>> = { distill: DistillScreen };

export function App() {
  useThemeAttribute();
  const Screen = SCREENS[useRoute()];
  return (
    <>
      <Header />
      <main>
        <Notices />
        <ErrorBoundary title={messages.name}>
          <Screen />
        </ErrorBoundary>
      </main>
    </>
  );
}
