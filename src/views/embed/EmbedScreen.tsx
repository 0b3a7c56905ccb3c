import { useEffect, useRef } from "react";
import { messages } from "../messages";
import { PlanPanel } from "../plan/PlanPanel";
import { LossPanel } from "../charts/LossPanel";
import { AnswersPanel } from "../answers/AnswersPanel";
import { queryOf, usePlace } from "../routes";
import { EpsilonField } from "../transport/SettingsPanel";
import { Stage } from "../transport/Stage";
import { useShown } from "../transport/use-shown";
import { useApp, useLab, useLabState } from "../use-app";
import { talkToParent } from "./talk";

const { embed: text } = messages;

/**
 * One figure without the page around it: `#/embed/transport/eps+sweeps+tabs?v=1&…`, `#/embed/replay`.
 * What stands after the view are the controls that the reader gets; without any, all of them.
 */
export function EmbedScreen() {
  const [, view = "transport", wanted = ""] = usePlace();
  const host = useRef<HTMLDivElement>(null);
  const lab = useLab();
  useEffect(() => (host.current ? talkToParent(host.current, lab) : undefined), [lab]);
  const controls = wanted.split(/[+,]/).filter(Boolean);
  return (
    <div ref={host} className="embed" data-hide={hidden(controls).join(" ")}>
      {view === "replay" ? <Replay /> : <Transport />}
      <p className="embed-credit">
        <a href={fullPage(view)} target="_blank" rel="noreferrer">
          {text.open}
        </a>
      </p>
    </div>
  );
}

const CONTROLS = ["eps", "sweeps", "tabs"];
const hidden = (controls: readonly string[]): string[] =>
  controls.length === 0 ? [] : CONTROLS.filter((name) => !controls.includes(name));

const fullPage = (view: string): string =>
  view === "replay" ? "#/distill" : `#/transport?${queryOf(location.hash)}`;

function Transport() {
  const lab = useLab();
  const shown = useShown();
  const view = useLabState((state) => state.view);
  const issues = useLabState((state) => state.issues);
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // An embedded figure costs nothing until it is scrolled to.
    if (!host.current) return;
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watcher.disconnect();
      lab.fromLink(queryOf(location.hash));
      lab.open();
    });
    watcher.observe(host.current);
    return () => watcher.disconnect();
  }, [lab]);
  return (
    <div ref={host}>
      {issues.map((issue) => (
        <p key={issue} className="issue" role="alert">
          {issue}
        </p>
      ))}
      {shown ? <Stage shown={shown} /> : <p className="empty">{messages.transport.loading}</p>}
      <div className="embed-eps">
        <EpsilonField view={view} />
      </div>
    </div>
  );
}

/** The recorded run: plan with its steps, losses, answers. */
function Replay() {
  const ready = useApp((state) => state.recorded.kind !== "loading");
  if (!ready) return <p className="empty">{messages.plan.loading}</p>;
  return (
    <>
      <PlanPanel />
      <LossPanel />
      <AnswersPanel />
    </>
  );
}
