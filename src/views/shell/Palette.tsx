import { useCallback, useEffect, useId, useState, type KeyboardEvent } from "react";
import { currentHash } from "../links";
import { messages } from "../messages";
import { hashOf, routeOf, type Route } from "../routes";
import { useApp, useAppParts, type PageApp } from "../use-app";
import { commandsOf, matchCommands, type CommandItem } from "./commands";
import { KeysDialog } from "./KeysDialog";
import { listenToKeys } from "./keys";

const PALETTE = "palette";
const KEYS = "keys";
const openDialog = (id: string) => document.querySelector<HTMLDialogElement>(`dialog#${id}`)?.showModal();
const closeDialog = (id: string) => document.querySelector<HTMLDialogElement>(`dialog#${id}`)?.close();

/** Every action by name (Ctrl-K), the keys that do the same, and the sheet that lists them (?). */
export function Palette() {
  const page = useAppParts();
  const [note, setNote] = useState("");
  const list = useCallback(
    () =>
      commandsOf({
        state: page.store.getState(),
        actions: page.actions,
        route: routeOf(location.hash),
        go,
        copyLink: () => copyLink(page).then(setNote),
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
      <dialog id={PALETTE} className="palette" aria-label={messages.palette.title}>
        <CommandList list={list} />
      </dialog>
      <KeysDialog id={KEYS} />
      <span role="status" className="unseen">
        {note}
      </span>
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

function CommandList({ list }: { readonly list: () => readonly CommandItem[] }) {
  const id = useId();
  useApp((state) => state.run.status); // what can be done changes with it
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const found = matchCommands(
    list().filter(({ usable }) => usable),
    query,
  );
  const chosen = Math.min(at, found.length - 1);
  const run = (command: CommandItem | undefined) => {
    if (!command) return;
    closeDialog(PALETTE);
    setQuery("");
    setAt(0);
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
