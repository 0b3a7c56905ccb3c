import { useEffect, useMemo, useState } from "react";
import { useStore } from "zustand";
import { BLURRED, FIRST_SENTENCE, onSharedLetters, SHARP } from "../../store";
import { createPointer } from "../figure/pointer";
import { PlanFigure } from "../figure/PlanFigure";
import { CALM, NARROW, useMedia } from "../figure/use-media";
import type { Player } from "../figure/use-play";
import { significant } from "../format";
import { messages } from "../messages";
import { useAppParts } from "../use-app";

const { start: text, figure: words } = messages;
const { student, teacher } = FIRST_SENTENCE;
const [FONT, NARROW_FONT] = [20, 17];
const RANGE = [-2, 1] as const;
const PLAY_MS = 3000;
/** From here on the plan is all but the one that joins what covers the same letters. */
const CLEAR = 0.97;
/** Room for the three next steps, under the picture. */
const LEAVE_PX = 84;

/** The headline as a picture: the same letters, cut twice, and which tokens share them. */
export function FirstFigure() {
  const { first } = useAppParts();
  const { epsilon, plan, failed } = useStore(first.store);
  const [pointer] = useState(createPointer);
  const narrow = useMedia(NARROW);
  const player = useFilm();
  const shown = words.epsilon.inMeanCosts(significant(epsilon));
  const titles = useMemo(
    () => ({
      student: text.cuts(student.name, student.texts.length),
      teacher: text.cuts(teacher.name, teacher.texts.length),
    }),
    [],
  );
  return (
    <PlanFigure
      id="first"
      name="squirrels"
      title={FIRST_SENTENCE.text}
      plan={plan}
      pointer={pointer}
      view={{ form: "ribbons", matrix: "plan", scale: "sqrt" }}
      titles={titles}
      font={narrow ? NARROW_FONT : FONT}
      leave={narrow ? 0 : LEAVE_PX}
      player={player}
      epsilon={{
        ...{ letter: "ε", name: words.epsilon.relative, className: "epsilon", shown, range: RANGE },
        value: epsilon,
        onChange(value) {
          player.stop();
          first.show(value);
        },
      }}
    >
      <p className="first-caption">
        {text.caption(teacher.name, student.name)}{" "}
        <b>{onSharedLetters(plan) > CLEAR ? text.clear : text.blurred}</b>
        {failed !== undefined && <span className="issue"> {failed}</span>}
      </p>
    </PlanFigure>
  );
}

let seen = false;

/** From blurred to sharp in three seconds: once by itself, then when asked. Who wants no motion sees the end of it. */
function useFilm(): Player {
  const { first } = useAppParts();
  const calm = useMedia(CALM);
  const [active, setActive] = useState(!seen && !calm);
  useEffect(() => {
    if (!active) {
      if (!seen) first.show(SHARP);
      seen = true;
      return;
    }
    seen = true;
    const start = performance.now();
    const [from, to] = [Math.log10(BLURRED), Math.log10(SHARP)];
    let frame = requestAnimationFrame(function tick(now) {
      const t = Math.min(1, Math.max(0, now - start) / PLAY_MS);
      first.show(Number((10 ** (from + t * (to - from))).toPrecision(3)));
      if (t >= 1) setActive(false);
      else frame = requestAnimationFrame(tick);
    });
    return () => cancelAnimationFrame(frame);
  }, [active, first]);
  return { active, toggle: () => setActive(!active), stop: () => setActive(false) };
}
