import { messages } from "../messages";
import { useRecordedRun } from "../runs/use-recorded";
import { Panel } from "../shell/Panel";
import { FirstFigure } from "./FirstFigure";
import { Formula } from "./Formula";
import { StartActions } from "./StartActions";

const { start: text } = messages;

/** What a visitor sees first: a plan to explore as one live picture, and three next steps. */
export function StartScreen() {
  useRecordedRun();
  return (
    <div className="start">
      <div className="start-head">
        <h2>{text.headline}</h2>
        <p>{text.lead}</p>
      </div>
      <FirstFigure />
      <StartActions />
      <Panel title={text.formula} name="formula">
        <Formula />
      </Panel>
    </div>
  );
}
