import { useEffect } from "react";
import { download } from "../download";
import { messages } from "../messages";
import { say } from "../shell/toast";
import { useActions, useApp } from "../use-app";

/** What the engine made for the downloads goes there, whatever screen is open; why it could not is said. */
export function ExportedFile() {
  const { exportSaved } = useActions();
  const exported = useApp((state) => state.exported);
  useEffect(() => {
    if (!exported) return;
    if ("why" in exported) say(messages.run.clusterRefused(exported.why));
    else download(exported.name, new Blob([exported.zip.slice()], { type: "application/octet-stream" }));
    exportSaved();
  }, [exported, exportSaved]);
  return null;
}
