import { useEffect, useRef } from "react";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useApp } from "../use-app";

/** What happened, newest last. */
export function LogPanel() {
  const log = useApp((state) => state.run.log);
  const list = useRef<HTMLPreElement>(null);
  useEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [log]);
  return (
    <Panel title={messages.facts.log} name="log">
      {log.length === 0 ? (
        <p className="empty">{messages.facts.noLog}</p>
      ) : (
        <pre ref={list} className="log" tabIndex={0} aria-label={messages.facts.log}>
          {log.join("\n")}
        </pre>
      )}
    </Panel>
  );
}
