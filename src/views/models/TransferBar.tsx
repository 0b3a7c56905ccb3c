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
  if (!transfer) return done ? <Done how={done.how} name={modelTitle(done.key)} /> : null;
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

function Done({ how, name }: { readonly how: "downloaded" | "stopped"; readonly name: string }) {
  return (
    <section className="notice" role="status">
      <p>{how === "downloaded" ? text.downloaded(name) : text.stopped}</p>
    </section>
  );
}
