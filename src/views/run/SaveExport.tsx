import { useEffect } from "react";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

/** Asks for the trained student, and hands the finished zip to the browser's downloads. */
export function SaveExport() {
  const { exportStudent, exportSaved } = useActions();
  const exported = useApp((state) => state.exported);
  const trained = useApp(({ run }) => run.step > 0 && ["paused", "finished"].includes(run.status));
  useEffect(() => {
    if (!exported) return;
    download(exported.name, exported.zip);
    exportSaved();
  }, [exported, exportSaved]);
  if (!trained) return null;
  return (
    <button type="button" className="quiet" title={messages.run.saveTitle} onClick={exportStudent}>
      {messages.run.save}
    </button>
  );
}

function download(name: string, zip: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([zip.slice()], { type: "application/zip" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the download has started long before
}
