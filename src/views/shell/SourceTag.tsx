import { messages } from "../messages";
import { useApp } from "../use-app";

/** Says plainly when a panel shows the recorded run. */
export function SourceTag() {
  const source = useApp((state) => state.source);
  return source === "recorded" ? <span className="tag">{messages.tag.recorded}</span> : null;
}
