import { useState } from "react";
import { messageOf } from "../../base/errors";
import { KEEP_LIMITS, RUN_FOLDER_FILES } from "../../store";
import { DropZone } from "../files/DropZone";
import type { Gathered } from "../files/gather";
import { PickButton } from "../files/PickButton";
import { duration } from "../format";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useActions, useApp } from "../use-app";
import { RunCard } from "./RunCard";
import { KeptNews, useFreshList } from "./RunNotices";

const { kept: text } = messages;

/** Every run that is kept in this browser, and what can be done with it. */
export function RunsScreen() {
  const runs = useFreshList();
  const { openRunFolder } = useActions();
  const [issue, setIssue] = useState("");
  const open = async (gathered: Gathered) => {
    try {
      await openRunFolder(gathered.name, await textsOf(gathered));
      setIssue("");
    } catch (error) {
      setIssue(text.notOpened(gathered.name, messageOf(error)));
    }
  };
  const total = runs?.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  return (
    <DropZone className="runs-page" invitation={text.drop} onFiles={(gathered) => void open(gathered)}>
      <KeptNews />
      <Panel title={text.title} name="runs" aside={runs?.length ? text.room(runs.length, total) : undefined}>
        <p className="muted runs-limits">
          {text.limits(KEEP_LIMITS.runs, KEEP_LIMITS.bytes, KEEP_LIMITS.days)} <Every />
        </p>
        {runs === undefined && <p className="empty">{text.reading}</p>}
        {runs?.length === 0 && <p className="empty">{text.none}</p>}
        <ul className="model-list">
          {runs?.map((run) => (
            <RunCard key={run.id} run={run} />
          ))}
        </ul>
        <Lost />
        <p className="row">
          <PickButton text={text.open} folder onFiles={(gathered) => void open(gathered)} />
          <span className="muted">{text.openHint}</span>
        </p>
        {issue !== "" && (
          <p className="issue" role="alert">
            {issue}
          </p>
        )}
      </Panel>
    </DropZone>
  );
}

/** Of the folder itself, not of folders in it. */
async function textsOf({ files }: Gathered): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const [path, file] of files) {
    const [name = "", ...rest] = path.split("/").reverse();
    if (rest.length <= 1 && RUN_FOLDER_FILES.some((known) => known === name))
      texts.set(name, await file.text());
  }
  return texts;
}

function Every() {
  const here = useApp(({ keeping }) => keeping.current !== undefined);
  const everyMs = useApp(({ keeping }) => keeping.everyMs);
  return here ? text.everyNow(duration(everyMs / 1000)) : null;
}

function Lost() {
  const lost = useApp(({ keeping }) => keeping.lost);
  const { kept } = useActions();
  if (lost.length === 0) return null;
  const size = lost.reduce((sum, { bytes }) => sum + bytes, 0);
  return (
    <p className="row">
      <span className="issue">{text.lost(lost.length, size)}</span>
      <button type="button" className="quiet" onClick={() => void kept.removeLost()}>
        {text.removeLost}
      </button>
    </p>
  );
}
