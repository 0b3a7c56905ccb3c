import { useRef } from "react";
import { hashOfUrl, manifestOf, metricsCsv, metricsJsonl } from "../../store";
import { download } from "../download";
import { messages } from "../messages";
import { useDismiss } from "../shell/use-dismiss";
import { useActions, useApp, useAppParts } from "../use-app";

const text = messages.run;

/** Everything of a run that can leave the page, and a checkpoint that can come in. */
export function SaveExport() {
  const { exportStudent, saveCheckpoint, openCheckpoint } = useActions();
  const page = useAppParts();
  const menu = useRef<HTMLDetailsElement>(null);
  useDismiss(menu);
  const loaded = useApp(({ run }) => run.facts !== undefined);
  const still = useApp(({ run }) => run.step > 0 && ["paused", "finished"].includes(run.status));
  if (!loaded) return null;
  const { live, store } = page;
  const name = (what: string) => `couplet-run-step-${store.getState().run.step}-${what}`;
  const save = (what: string, content: string, type: string) =>
    download(name(what), new Blob([content], { type }));
  const saveManifest = async () => {
    const base = document.baseURI;
    const manifest = await manifestOf(store.getState(), live, (path) => hashOfUrl(new URL(path, base).href));
    save("manifest.json", JSON.stringify(manifest, null, 2), "application/json");
  };
  const saveConfig = () =>
    save("config.json", JSON.stringify(store.getState().run.config, null, 2), "application/json");
  const items = [
    { text: text.save, run: exportStudent, usable: still },
    { text: text.saveCheckpoint, run: saveCheckpoint, usable: still },
    { text: text.saveCsv, run: () => save("metrics.csv", metricsCsv(live), "text/csv"), usable: true },
    {
      text: text.saveJsonl,
      run: () => save("metrics.jsonl", metricsJsonl(live), "application/jsonl"),
      usable: true,
    },
    { text: text.saveConfig, run: saveConfig, usable: true },
    { text: text.saveManifest, run: () => void saveManifest(), usable: true },
  ];
  const open = async (file: File | undefined) => {
    if (file) openCheckpoint(new Uint8Array(await file.arrayBuffer()));
  };
  return (
    <details ref={menu} className="menu">
      <summary className="button">{text.files}</summary>
      <div className="menu-sheet">
        {items.map((item) => (
          <button
            key={item.text}
            type="button"
            disabled={!item.usable}
            onClick={() => {
              item.run();
              menu.current?.removeAttribute("open");
            }}
          >
            {item.text}
          </button>
        ))}
        <label className="button">
          {text.openCheckpoint}
          <input
            type="file"
            accept=".safetensors"
            onChange={(event) => {
              void open(event.target.files?.[0]);
              event.target.value = "";
              menu.current?.removeAttribute("open");
            }}
          />
        </label>
      </div>
    </details>
  );
}
