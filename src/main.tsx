// Wires the page: workers behind clients, clients behind the store, the store behind the views.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import {
  createDataClient,
  createEngineClient,
  createReaderClient,
  createScreenSolverClient,
  createLibraryClient,
  createTransportClient,
} from "./client";
import {
  browserFiles,
  browserLocks,
  createApp,
  createAside,
  createComparison,
  createDatasetStore,
  createFirstPicture,
  createModelLibrary,
  createTransportScreen,
  createUndo,
} from "./store";
import { App } from "./views/App";
import { followLinks } from "./views/links";
import { keepOffline } from "./views/offline";
import { AppProvider } from "./views/use-app";

const spawnEngine = () => new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
const spawnTransport = () =>
  new Worker(new URL("./worker/transport-worker.ts", import.meta.url), { type: "module" });

const spawnReader = () =>
  new Worker(new URL("./worker/reader-worker.ts", import.meta.url), { type: "module" });

const spawnLibrary = () =>
  new Worker(new URL("./worker/library-worker.ts", import.meta.url), { type: "module" });

const spawnData = () => new Worker(new URL("./worker/data-worker.ts", import.meta.url), { type: "module" });

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

const baseUrl = new URL("./", document.baseURI).href;
const files = browserFiles();
const explorer = createTransportClient(spawnTransport);
const app = createApp({
  engine: createEngineClient(spawnEngine),
  transport: explorer,
  baseUrl,
  fetchJson,
  files,
  ...(navigator.locks && { locks: browserLocks() }),
});
const transportScreen = createTransportScreen({
  reader: createReaderClient(spawnReader),
  solver: createScreenSolverClient(spawnTransport),
  baseUrl,
});
// Its runs go through an engine and an app of their own: what Distill shows and keeps is not touched.
const compareEngine = createEngineClient(spawnEngine, { lazy: true });
const aside = createAside(app, transportScreen);
const page = {
  ...app,
  transportScreen,
  aside,
  undo: createUndo({ app, transportScreen, aside }),
  comparison: createComparison({
    app: createApp({ engine: compareEngine, transport: explorer, baseUrl, fetchJson }),
    openEngine: () => compareEngine.send({ type: "open", baseUrl }),
    closeEngine: () => compareEngine.close(),
    files,
  }),
  first: createFirstPicture(createScreenSolverClient(spawnTransport)),
  library: createModelLibrary(createLibraryClient(spawnLibrary)),
  data: createDatasetStore(createDataClient(spawnData), baseUrl),
};
followLinks(page);
const framed = window.top !== window.self;
app.start({ engine: !framed && !location.hash.startsWith("#/embed/") });

// A hidden page may never be seen again: the run is kept as it stands. Whoever closes one that trains or compares is asked.
addEventListener("visibilitychange", () => document.visibilityState === "hidden" && app.leaving());
addEventListener("pagehide", () => app.leaving());
addEventListener("beforeunload", (event) => {
  const comparing = page.comparison.store.getState().running;
  if (app.leaving() || comparing) event.preventDefault();
});

// After the page has what it needs: then the next visit works without a network.
if (import.meta.env.PROD && "serviceWorker" in navigator)
  addEventListener("load", () => keepOffline(() => page.store.getState().device.kind === "open"));

const root = document.querySelector("#root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <AppProvider value={page}>
      <App />
    </AppProvider>
  </StrictMode>,
);
