import { useEffect } from "react";
import { DropZone } from "../files/DropZone";
import type { Gathered } from "../files/gather";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useDataset } from "../use-app";
import { DataFile } from "./DataFile";
import { DataNews } from "./DataNews";
import { KeptSets } from "./KeptSets";
import { Preview } from "./Preview";

const { data: text } = messages;

/** Own rows: read, given a meaning, looked at through both tokenizers, kept and used. */
export function DataScreen() {
  const dataset = useDataset();
  useEffect(() => dataset.open(), [dataset]);
  const take = ({ files }: Gathered) => {
    const [first] = files.values();
    if (first) dataset.read(first, first.name);
  };
  return (
    <DropZone className="library-page data-page" invitation={text.drop} onFiles={take}>
      <div className="library-news">
        <DataNews />
      </div>
      <div className="library-column">
        <Panel title={text.file} name="file">
          <DataFile onFiles={take} />
        </Panel>
        <Panel title={text.kept} name="kept">
          <KeptSets />
        </Panel>
      </div>
      <Panel title={text.look} name="look">
        <Preview />
      </Panel>
    </DropZone>
  );
}
