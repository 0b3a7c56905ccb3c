import { useId, useMemo } from "react";
import { OVERLAYS, type Overlay } from "../../config/transport-view";
import { agreement, chunkShares, type Lines } from "../../store";
import { percent } from "../format";
import { messages } from "../messages";
import { useTransportScreen, useTransportState } from "../use-app";
import { agreementPairs } from "./pairs";
import type { Shown } from "./use-shown";

const { transport: text } = messages;

/** How much of the plan lies where other methods would pair tokens. */
export function Agreement({ shown }: { readonly shown: Shown }) {
  const id = useId();
  const transportScreen = useTransportScreen();
  const overlay = useTransportState((state) => state.view.show.overlay);
  const { lines } = shown.solved;
  const others = useMemo(
    () =>
      OVERLAYS.filter((kind) => kind !== "none").map((kind) => ({
        kind,
        pairs: agreementPairs(lines, kind),
      })),
    [lines],
  );
  return (
    <>
      <dl className="pairs">
        {others.map(({ kind, pairs }) => {
          const found = pairs && agreement(shown.plan.mass, pairs, shown.solved.masses);
          return (
            <div key={kind}>
              <dt>{text.overlayNames[kind]}</dt>
              <dd>
                {found ? (
                  <>
                    <b>{percent(found.share)}</b> <span className="muted">({percent(found.chance)})</span>
                  </>
                ) : (
                  "–"
                )}
              </dd>
            </div>
          );
        })}
      </dl>
      {lines.sameText && <Coverage lines={lines} />}
      <p className="fact">
        {lines.sameText ? text.agreementNote : `${text.agreementNote} ${text.otherText}`}
      </p>
      <div className="field">
        <label htmlFor={id}>{text.overlay}</label>
        <select
          id={id}
          value={overlay}
          onChange={(event) => {
            const chosen = OVERLAYS.find((kind): kind is Overlay => kind === event.target.value);
            if (chosen) transportScreen.show({ overlay: chosen });
          }}
        >
          {OVERLAYS.map((kind) => (
            <option key={kind} value={kind}>
              {text.overlayNames[kind]}
            </option>
          ))}
        </select>
      </div>
    </>
  );
}

/** How much of the text methods that align by chunks would read. */
function Coverage({ lines: { pairings, student, teacher } }: { readonly lines: Lines }) {
  const shares = chunkShares(pairings, student.ids.length, teacher.ids.length);
  const few = Math.min(shares.student, shares.teacher) < 0.5;
  return (
    <p className={few ? "fact issue" : "fact"}>
      {messages.coverage.ofText(percent(shares.student), percent(shares.teacher))}
    </p>
  );
}
