import { useEffect } from "react";
import { download } from "../download";
import { messages } from "../messages";
import { useActions, useApp } from "../use-app";

/** Asks for the trained student, and hands the finished zip to the browser's downloads. */
export function SaveExport() {
  const { exportStudent, exportSaved } = useActions();
  const exported = useApp((state) => state.exported);
  const trained = useApp(({ run }) => run.step > 0 && ["paused", "finished"].includes(run.status));
  useEffect(() => {
    if (!exported) return;
    download(exported.name, new Blob([exported.zip.slice()], { type: "application/zip" }));
    exportSaved();
  }, [exported, exportSaved]);
  if (!trained) return null;
  return (
    <button type="button" className="quiet" title={messages.run.saveTitle} onClick={exportStudent}>
      {messages.run.save}
    </button>
  );
}
