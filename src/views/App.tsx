import { DistillScreen } from "./DistillScreen";
import { EmbedScreen } from "./embed/EmbedScreen";
import { EMBED, usePlace, useRoute, type Route } from "./routes";
import { ExportedFile } from "./files/ExportedFile";
import { ErrorBoundary } from "./shell/ErrorBoundary";
import { FramedNotice } from "./shell/FramedNotice";
import { Header } from "./shell/Header";
import { Notices } from "./shell/Notices";
import { Toast } from "./shell/Toast";
import { useArrival } from "./shell/use-arrival";
import { CompareScreen } from "./compare/CompareScreen";
import { DeviceScreen } from "./device/DeviceScreen";
import { DataScreen } from "./data/DataScreen";
import { ModelsScreen } from "./models/ModelsScreen";
import { LearnScreen } from "./learn/LearnScreen";
import { RunsScreen } from "./runs/RunsScreen";
import { StartScreen } from "./start/StartScreen";
import { StudyScreen } from "./study/StudyScreen";
import { TransportScreen } from "./transport/TransportScreen";
import { useThemeAttribute } from "./theme/use-scheme";
import { messages } from "./messages";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/run.css";
import "./styles/figure.css";
import "./styles/charts.css";
import "./styles/answers.css";
import "./styles/rollout.css";
import "./styles/transport.css";
import "./styles/learn.css";
import "./styles/compare.css";
import "./styles/device.css";
import "./styles/library.css";
import "./styles/runs.css";
import "./styles/start.css";
import "./styles/embed.css";
import "./styles/study.css";

const SCREENS: Readonly<Record<Route, () => React.ReactNode>> = {
  start: StartScreen,
  distill: DistillScreen,
  transport: TransportScreen,
  compare: CompareScreen,
  runs: RunsScreen,
  learn: LearnScreen,
  models: ModelsScreen,
  data: DataScreen,
  device: DeviceScreen,
  study: StudyScreen,
};

export function App() {
  useThemeAttribute();
  const route = useRoute();
  const place = usePlace();
  const embedded = place[0] === EMBED;
  useArrival(route, place);
  const Screen = SCREENS[route];
  if (!embedded && window.top !== window.self) return <FramedNotice />;
  if (embedded)
    return (
      <main>
        <ErrorBoundary title={messages.name}>
          <EmbedScreen />
        </ErrorBoundary>
      </main>
    );
  return (
    <>
      <Header />
      <Toast />
      <ExportedFile />
      <main id="main" tabIndex={-1}>
        <Notices />
        <ErrorBoundary key={route} title={messages.nav.routes[route]}>
          <Screen />
        </ErrorBoundary>
      </main>
    </>
  );
}
