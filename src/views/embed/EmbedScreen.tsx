import { useEffect, useRef, useState } from "react";
import { EMBED_CONTROLS, parseEmbedPlace, type EmbedView } from "../../config/embed-place";
import { messages } from "../messages";
import { PlanPanel } from "../plan/PlanPanel";
import { LossPanel } from "../charts/LossPanel";
import { AnswersPanel } from "../answers/AnswersPanel";
import { queryOf, usePlace } from "../routes";
import { Readouts } from "../figure/Readouts";
import { SolvedFigure } from "../transport/SolvedFigure";
import { useShown } from "../transport/use-shown";
import { useApp, useAppParts, useTransportScreen, useTransportState } from "../use-app";
import { talkToParent } from "./talk";

const { embed: text } = messages;

/** One figure without the page around it; its address is read by config/embed-place.ts. */
export function EmbedScreen() {
  const [, view = "sinkhorn", words = ""] = usePlace();
  const { place, issues } = parseEmbedPlace(view, words);
  const host = useRef<HTMLDivElement>(null);
  const page = useAppParts();
  useEffect(() => (host.current ? talkToParent(host.current, page.transportScreen) : undefined), [page]);
  useEffect(() => page.store.setState({ theme: place.theme }), [page, place.theme]);
  const [asked, setAsked] = useState(place.start === "seen");
  const hidden = EMBED_CONTROLS.filter((name) => !place.controls.includes(name));
  return (
    <div ref={host} className="embed" data-view={place.view} data-hide={hidden.join(" ")}>
      {issues.map((issue) => (
        <p key={issue} className="issue" role="alert">
          {issue}
        </p>
      ))}
      {asked ? (
        place.view === "replay" ? (
          <Replay />
        ) : (
          <Transport view={place.view} />
        )
      ) : (
        <div className="embed-start">
          <button type="button" className="primary" onClick={() => setAsked(true)}>
            {text.start[place.view]}
          </button>
        </div>
      )}
      <p className="embed-credit">
        <a href={fullPage(place.view)} target="_blank" rel="noreferrer">
          {text.open}
        </a>
      </p>
    </div>
  );
}

const fullPage = (view: EmbedView): string =>
  view === "replay" ? "#/distill" : `#/transport?${queryOf(location.hash)}`;

function Transport({ view }: { readonly view: Exclude<EmbedView, "replay"> }) {
  const transportScreen = useTransportScreen();
  const shown = useShown();
  const issues = useTransportState((state) => state.issues);
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // An embedded figure costs nothing until it is scrolled to.
    if (!host.current) return;
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watcher.disconnect();
      transportScreen.fromLink(queryOf(location.hash));
      transportScreen.open();
    });
    watcher.observe(host.current);
    return () => watcher.disconnect();
  }, [transportScreen]);
  return (
    <div ref={host}>
      {issues.map((issue) => (
        <p key={issue} className="issue" role="alert">
          {issue}
        </p>
      ))}
      {shown ? <SolvedFigure shown={shown} /> : <p className="empty">{messages.transport.loading}</p>}
      {shown && view === "sinkhorn" && <Readouts plan={shown.plan} />}
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
