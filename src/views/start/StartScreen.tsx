import { messages } from "../messages";
import { useRecordedRun } from "../runs/use-recorded";
import { Panel } from "../shell/Panel";
import { FirstFigure } from "./FirstFigure";
import { Formula } from "./Formula";
import { StartActions } from "./StartActions";

const { start: text } = messages;

/** The first five seconds: what it is about as one picture that is alive, and three ways on. */
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
