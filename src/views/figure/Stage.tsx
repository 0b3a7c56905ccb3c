import { useEffect, useId, useRef, useState } from "react";
import { sizeOf, SOURCES, type Plan, type Shade, type Side } from "../../figure";
import { messages } from "../messages";
import { usePalette, useScheme } from "../theme/use-scheme";
import { PairLine } from "./PairLine";
import type { Pointer } from "./pointer";
import { Scene, type Room, type SceneData } from "../../parts/figure";
import { CALM } from "./use-media";
import { useWidth } from "./use-width";

const { figure: text } = messages;

export interface StageProps {
  readonly id?: string | undefined;
  /** What this plan is of, where there are several. */
  readonly of?: string | undefined;
  readonly plan: Plan;
  readonly form: SceneData["form"];
  readonly values: Float32Array;
  readonly shade: Shade;
  readonly pairs?: ArrayLike<number> | undefined;
  readonly titles?: Readonly<Record<Side, string>> | undefined;
  readonly font: number | undefined;
  readonly pointer: Pointer;
  readonly maxHeight: number;
}

export const titlesOf = (plan: Plan) => {
  const [n, m] = sizeOf(plan);
  return { student: text.studentAxis(n), teacher: text.teacherAxis(m) };
};

/** The matrix or the ribbons: a picture that can be pointed at, walked through, zoomed and moved. */
export function Stage(props: StageProps) {
  const { id, of, plan, form, pointer } = props;
  const note = useId();
  const [measure, width] = useWidth();
  const host = useRef<HTMLDivElement>(null);
  const [scene, setScene] = useState<Scene>();
  const [room, setRoom] = useState<Room>({ less: false, more: true });
  useEffect(() => {
    if (!host.current) return;
    const made = new Scene(host.current, pointer, ({ less, more }) =>
      setRoom((now) => (now.less === less && now.more === more ? now : { less, more })),
    );
    setScene(made);
    return () => made.destroy();
  }, [pointer]);
  useScene(scene, width, props);
  const label = text.stage(...sizeOf(plan));
  return (
    <div className="stage-frame">
      <div ref={measure} className="stage-measure">
        <div
          ref={host}
          id={id}
          className="stage"
          role="application"
          tabIndex={0}
          aria-roledescription={text.stageRole}
          aria-label={of ? `${of}: ${label}` : label}
          aria-describedby={note}
          onKeyDown={(event) => scene?.onKey(event.nativeEvent)}
        />
      </div>
      <div className="row stage-tools">
        <PairLine id={note} plan={plan} pointer={pointer} />
        <ZoomButtons scene={scene} room={room} ribbons={form === "ribbons"} />
      </div>
    </div>
  );
}

/** Draws whenever something that is drawn changed. */
function useScene(scene: Scene | undefined, width: number, props: StageProps): void {
  const { plan, form, values, shade, pairs, titles, font, maxHeight } = props;
  const palette = usePalette();
  const sources = SOURCES[useScheme()];
  useEffect(() => {
    if (width < 1 || maxHeight < 1 || !scene) return;
    const calm = matchMedia(CALM).matches;
    const colors = { shade, palette, sources, rest: text.restOf };
    const space = { width, maxHeight, font };
    scene.update({ plan, form, values, ...colors, titles: titles ?? titlesOf(plan), pairs, calm, space });
  }, [scene, width, plan, form, values, shade, palette, sources, pairs, titles, font, maxHeight]);
}

interface ZoomButtonsProps {
  readonly scene: Scene | undefined;
  readonly room: Room;
  readonly ribbons: boolean;
}

function ZoomButtons({ scene, room, ribbons }: ZoomButtonsProps) {
  if (!room.less && !room.more) return null; // all of it is in view
  return (
    <div className="row zoom">
      <button
        type="button"
        aria-label={ribbons ? text.earlier : text.zoomOut}
        title={ribbons ? text.earlier : text.zoomOut}
        disabled={!room.less}
        onClick={() => scene?.zoom(1 / 1.5)}
      >
        {ribbons ? "←" : "−"}
      </button>
      <button
        type="button"
        aria-label={ribbons ? text.later : text.zoomIn}
        title={ribbons ? text.later : text.zoomIn}
        disabled={!room.more}
        onClick={() => scene?.zoom(1.5)}
      >
        {ribbons ? "→" : "+"}
      </button>
      {!ribbons && (
        <button type="button" disabled={!room.less} onClick={() => scene?.fit()}>
          {text.fit}
        </button>
      )}
    </div>
  );
}
