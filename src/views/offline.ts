// What is kept for a visit without a network, and when that is asked of a line that somebody pays for.

export interface Visitor {
  /** The browser was told to save data. */
  readonly savesData: boolean;
  readonly mobile: boolean;
  /** A device to train on is open, so models and runtime were loaded already. */
  readonly trains: boolean;
}

/** The page alone is 3 MB, everything 40. Nothing where data are to be saved; all where it was loaded anyway. */
export function keptOffline({ savesData, mobile, trains }: Visitor): "nothing" | "page" | "all" {
  if (savesData) return "nothing";
  return trains && !mobile ? "all" : "page";
}

interface Connection {
  readonly saveData?: boolean;
}

const AFTER_MS = 8000;

/** After the page has what it needs. */
export function keepOffline(trains: () => boolean): void {
  setTimeout(() => void register(trains()).catch(() => undefined), AFTER_MS);
}

async function register(trains: boolean): Promise<void> {
  const connection: Connection | undefined = Reflect.get(navigator, "connection");
  const savesData = connection?.saveData === true || matchMedia("(prefers-reduced-data: reduce)").matches;
  const what = keptOffline({ savesData, trains, mobile: /Mobi|Android/.test(navigator.userAgent) });
  if (what === "nothing") return;
  await navigator.serviceWorker.register("./sw.js");
  const { active } = await navigator.serviceWorker.ready;
  if (what === "all") active?.postMessage("keep-all");
}
