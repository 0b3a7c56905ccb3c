import { bytes, duration } from "../format";
import { messages } from "../messages";
import { useLibrary, useLibraryState } from "../use-app";
import { modelTitle } from "./model-title";

const { models: text } = messages;

/** The transfer under way, as one bar over all its files; then how it ended. */
export function TransferBar() {
  const transfer = useLibraryState((state) => state.transfer);
  const done = useLibraryState((state) => state.done);
  const { stop } = useLibrary();
  if (!transfer) return done ? <Done how={done.how} model={done.key} /> : null;
  const { key, path, loaded, total, bytesPerSecond, stopping } = transfer;
  const left = bytesPerSecond ? (total - loaded) / bytesPerSecond : undefined;
  return (
    <section className="notice transfer" aria-label={text.transfer}>
      <h2>
        {key?.startsWith("local:") ? text.copying : text.transfer} {key && modelTitle(key)}
      </h2>
      <progress value={loaded} max={Math.max(1, total)} aria-label={text.transfer} />
      <p className="transfer-facts">
        <span>
          {loaded === 0 ? text.connecting : text.moved(bytes(loaded), bytes(total))}
          {bytesPerSecond !== undefined && left !== undefined && (
            <span className="muted"> · {text.speed(bytes(bytesPerSecond), duration(left))}</span>
          )}
        </span>
        <span className="mono muted">{path}</span>
      </p>
      <button type="button" onClick={stop} disabled={stopping}>
        {stopping ? text.stopping : text.cancel}
      </button>
    </section>
  );
}

/** How it ended; a model that came whole and can be nothing is no success. */
function Done({ how, model: key }: { readonly how: "downloaded" | "stopped"; readonly model: string }) {
  const { remove } = useLibrary();
  const model = useLibraryState(({ models }) => models?.find((one) => one.key === key));
  const name = modelTitle(key);
  const roles = model?.inspection;
  if (how === "downloaded" && model && !(roles?.teacher.can || roles?.student.can))
    return (
      <section className="notice notice-bad" role="alert" data-notice="unusable-model">
        <h2>{text.unusable(name)}</h2>
        <dl>
          {(["teacher", "student"] as const).map((role) => {
            const part = roles?.[role];
            return part && !part.can ? (
              <div key={role}>
                <dt>{text.unusableWhy[role]}</dt>
                <dd>{part.why}</dd>
              </div>
            ) : null;
          })}
        </dl>
        <button type="button" onClick={() => remove(key)}>
          {text.delete}
        </button>
      </section>
    );
  return (
    <section className="notice" role="status">
      <p>{how === "downloaded" ? text.downloaded(name) : text.stopped}</p>
    </section>
  );
}
