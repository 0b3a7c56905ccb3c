import { useCallback, useEffect, useId, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import { currentHash } from "../links";
import { messages } from "../messages";
import { hashOf, routeOf, type Route } from "../routes";
import { useApp, useAppParts, type PageApp } from "../use-app";
import { commandsOf, matchCommands, type CommandItem } from "./commands";
import { KeysDialog } from "./KeysDialog";
import { listenToKeys } from "./keys";
import { say } from "./toast";

const PALETTE = "palette";
const KEYS = "keys";
const openDialog = (id: string) => document.querySelector<HTMLDialogElement>(`dialog#${id}`)?.showModal();
const closeDialog = (id: string) => document.querySelector<HTMLDialogElement>(`dialog#${id}`)?.close();

/** Every action by name (Ctrl-K), the keys that do the same, and the sheet that lists them (?). */
export function Palette() {
  const page = useAppParts();
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useCallback(
    () =>
      commandsOf({
        state: page.store.getState(),
        actions: page.actions,
        route: routeOf(location.hash),
        go,
        copyLink: () => void copyLink(page).then(say),
        undo: page.undo,
        openKeys: () => openDialog(KEYS),
      }),
    [page],
  );
  useEffect(() => listenToKeys({ commands: list, openPalette: () => openDialog(PALETTE) }), [list]);
  return (
    <>
      <button type="button" className="palette-button" onClick={() => openDialog(PALETTE)}>
        {messages.palette.open} <kbd>{/Mac/.test(navigator.userAgent) ? "⌘K" : "Ctrl K"}</kbd>
      </button>
      <dialog ref={dialog} id={PALETTE} className="palette" aria-label={messages.palette.title}>
        <CommandList list={list} dialog={dialog} />
      </dialog>
      <KeysDialog id={KEYS} />
    </>
  );
}

const go = (target: Route): void => {
  location.hash = hashOf(target, "");
};

async function copyLink(page: PageApp): Promise<string> {
  const link = new URL(currentHash(page) ?? location.hash, location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    return messages.palette.linkCopied;
  } catch {
    return messages.palette.linkNotCopied;
  }
}

interface CommandListProps {
  readonly list: () => readonly CommandItem[];
  readonly dialog: RefObject<HTMLDialogElement | null>;
}

function CommandList({ list, dialog }: CommandListProps) {
  const id = useId();
  useApp((state) => state.run.status); // what can be done changes with it
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  // However it was closed, the next time begins anew.
  useEffect(() => {
    const node = dialog.current;
    const clear = () => {
      setQuery("");
      setAt(0);
    };
    node?.addEventListener("close", clear);
    return () => node?.removeEventListener("close", clear);
  }, [dialog]);
  const found = matchCommands(
    list().filter(({ usable }) => usable),
    query,
  );
  const chosen = Math.min(at, found.length - 1);
  const run = (command: CommandItem | undefined) => {
    if (!command) return;
    closeDialog(PALETTE);
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Enter") run(found[chosen]);
    else if (move) setAt((chosen + move + found.length) % Math.max(1, found.length));
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls={id}
        aria-activedescendant={found[chosen] && `${id}-${chosen}`}
        aria-label={messages.palette.placeholder}
        placeholder={messages.palette.placeholder}
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <ul id={id} role="listbox" aria-label={messages.palette.title}>
        {found.map((command, i) => (
          <li
            key={command.name}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === chosen}
            onPointerMove={() => setAt(i)}
            onClick={() => run(command)}
          >
            <span>{command.name}</span>
            {command.keys && <kbd>{command.keys}</kbd>}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p className="empty">{messages.palette.none}</p>}
    </>
  );
}
