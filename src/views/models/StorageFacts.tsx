import { useState } from "react";
import { messages } from "../messages";
import { useLibrary, useLibraryState } from "../use-app";

const { models: text } = messages;

/** How much room there is, and whether the browser promised to keep what is here. */
export function StorageFacts() {
  const used = useLibraryState((state) => state.usedBytes);
  const free = useLibraryState((state) => state.freeBytes);
  const kept = useLibraryState((state) => state.kept);
  const { keep } = useLibrary();
  const [asked, setAsked] = useState(false);
  const known = used !== undefined && free !== undefined;
  return (
    <div className="storage">
      {known && (
        <meter min={0} max={used + free} value={used} aria-label={text.storage}>
          {text.used(used, free)}
        </meter>
      )}
      <p>{known ? text.used(used, free) : text.unknownRoom}</p>
      <p className="muted" role="status" data-kept={kept}>
        {kept ? text.kept : text.notKept} {asked && kept === false && text.refusedToKeep}
      </p>
      {kept === false && (
        <button type="button" onClick={() => void keep().then(() => setAsked(true))}>
          {text.keep}
        </button>
      )}
    </div>
  );
}
