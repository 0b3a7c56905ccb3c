import { useEffect } from "react";
import { DropZone } from "../files/DropZone";
import type { Gathered } from "../files/gather";
import { messages } from "../messages";
import { Panel } from "../shell/Panel";
import { useLibrary } from "../use-app";
import { AddModel } from "./AddModel";
import { LibraryProblem } from "./LibraryProblem";
import { ModelList } from "./ModelList";
import { StatesPanel } from "./StatesPanel";
import { StorageFacts } from "./StorageFacts";
import { TransferBar } from "./TransferBar";

const { models: text } = messages;

/** What models there are, what they are good for, and how to add one. */
export function ModelsScreen() {
  const library = useLibrary();
  useEffect(() => library.open(), [library]);
  const take = ({ name, files }: Gathered) => {
    const folder = [...files.keys()].some((path) => path.includes("/"));
    if (files.size > 0) library.importFiles(folder ? name : text.loose, files);
  };
  return (
    <DropZone className="library-page" invitation={text.drop} onFiles={take}>
      <div className="library-news">
        <TransferBar />
        <LibraryProblem />
      </div>
      <Panel title={text.here} name="stored">
        <StorageFacts />
        <ModelList />
        <StatesPanel />
      </Panel>
      <Panel title={text.add} name="add">
        <AddModel onFiles={take} />
      </Panel>
    </DropZone>
  );
}
