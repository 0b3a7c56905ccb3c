import { messages } from "../messages";
import { keysOf, ROUTES } from "../routes";

const KEYS: readonly { readonly title: string; readonly rows: readonly (readonly [string, string])[] }[] = [
  {
    title: messages.keys.groups.everywhere,
    rows: [
      ["Ctrl K", messages.palette.open],
      ["Ctrl Z", messages.palette.undo],
      ["?", messages.keys.help],
      ...ROUTES.map((route, i) => [keysOf(i), messages.palette.goTo(messages.nav.routes[route])] as const),
    ],
  },
  {
    title: messages.keys.groups.distill,
    rows: [
      ["k", `${messages.run.play} / ${messages.run.pause}`],
      ["j", messages.run.step],
    ],
  },
  { title: messages.keys.groups.map, rows: messages.keys.mapRows },
];

/** The keyboard map. */
export function KeysDialog({ id }: { readonly id: string }) {
  return (
    <dialog id={id} className="config keys" aria-labelledby="keys-title">
      <h2 id="keys-title">{messages.keys.title}</h2>
      {KEYS.map(({ title, rows }) => (
        <section key={title}>
          <h3>{title}</h3>
          <dl className="pairs">
            {rows.map(([keys, name]) => (
              <div key={keys}>
                <dt>
                  <kbd>{keys}</kbd>
                </dt>
                <dd>{name}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <form method="dialog">
        <button>{messages.keys.close}</button>
      </form>
    </dialog>
  );
}
