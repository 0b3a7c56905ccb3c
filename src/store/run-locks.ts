// Two tabs never write into one kept run. Whoever has a run holds a lock of the browser by its id, which ends with the tab
// however the tab ends. Another tab can ask for it: then the holder stops, keeps what it has, and lets go; one that does not
// answer loses it.

export interface RunLocks {
  /** Whether it was free, or is ours already. `lost` is called when another tab takes it without being given it. */
  take(id: string, lost: () => void): Promise<boolean>;
  release(id: string): void;
  /** Ask whoever has it to let go, and take it, with force after `patienceMs`. */
  takeOver(id: string, lost: () => void, patienceMs?: number): Promise<void>;
  /** Ids that other tabs hold. */
  elsewhere(): Promise<ReadonlySet<string>>;
  /** Another tab asks for a run that is held here: keep it, then release it. */
  onAsked(listener: (id: string) => void): void;
  /** The list of kept runs, or who holds them, has changed in another tab. */
  onChange(listener: () => void): void;
  /** Tell the other tabs. */
  changed(): void;
}

const PREFIX = "couplet-run:";
const CHANNEL = "couplet-runs";
const PATIENCE_MS = 8000;
/** A lock that ends with its tab ends without a word. */
const WATCH_MS = 1000;

type News = { readonly type: "asked"; readonly id: string } | { readonly type: "changed" };

export function browserLocks(): RunLocks {
  const { locks } = navigator;
  const channel = new BroadcastChannel(CHANNEL);
  const held = new Map<string, () => void>();
  let asked: (id: string) => void = () => undefined;
  let changed: () => void = () => undefined;
  channel.addEventListener("message", ({ data }: MessageEvent<News>) => {
    if (data.type === "changed") changed();
    else if (held.has(data.id)) asked(data.id);
  });

  const hold = (id: string, options: LockOptions, lost: () => void): Promise<boolean> =>
    holdLock(locks, id, options, {
      got: (release) => held.set(id, release),
      stolen: () => void (held.delete(id) && lost()),
    });
  const elsewhere = watched(
    async () => {
      const names = ((await locks.query()).held ?? []).map(({ name = "" }) => name);
      const runs = names.filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));
      return new Set(runs.filter((id) => !held.has(id)));
    },
    () => changed(),
  );

  return {
    take: async (id, lost) => held.has(id) || hold(id, { ifAvailable: true }, lost),
    release(id) {
      held.get(id)?.();
      if (held.delete(id)) channel.postMessage({ type: "changed" } satisfies News);
    },
    async takeOver(id, lost, patienceMs = PATIENCE_MS) {
      if (held.has(id)) return;
      channel.postMessage({ type: "asked", id } satisfies News);
      if (!(await hold(id, { signal: AbortSignal.timeout(patienceMs) }, lost)))
        await hold(id, { steal: true }, lost);
    },
    elsewhere,
    onAsked: (listener) => void (asked = listener),
    onChange: (listener) => void (changed = listener),
    changed: () => channel.postMessage({ type: "changed" } satisfies News),
  };
}

interface Holding {
  got(release: () => void): void;
  stolen(): void;
}

/** Holds the lock until released; true once it is held, false when it cannot be had that way. */
const holdLock = (locks: LockManager, id: string, options: LockOptions, { got, stolen }: Holding) =>
  new Promise<boolean>((resolve) => {
    const work = (lock: Lock | null) => {
      if (!lock) return resolve(false);
      return new Promise<void>((release) => {
        got(release);
        resolve(true);
      });
    };
    locks.request(PREFIX + id, options, work).catch(() => {
      resolve(false); // asked for in vain, which matters only before it was held
      stolen();
    });
  });

/** Asked once, it tells when the answer is another one, as long as another tab has a run. */
function watched(look: () => Promise<ReadonlySet<string>>, changed: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = (before: ReadonlySet<string>) => {
    clearTimeout(timer);
    if (before.size === 0) return;
    timer = setTimeout(async () => {
      const now = await look();
      if (now.size !== before.size || [...now].some((id) => !before.has(id))) changed();
      else again(before);
    }, WATCH_MS);
  };
  return async (): Promise<ReadonlySet<string>> => {
    const found = await look();
    again(found);
    return found;
  };
}

/** Where there is one page alone: under test, and in browsers without locks. */
export function noLocks(): RunLocks {
  return {
    take: async () => true,
    release: () => undefined,
    takeOver: async () => undefined,
    elsewhere: async () => new Set(),
    onAsked: () => undefined,
    onChange: () => undefined,
    changed: () => undefined,
  };
}
