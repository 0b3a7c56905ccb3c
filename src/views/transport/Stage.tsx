import { useEffect, useId, useMemo, useRef, useState } from "react";
import { FORMS, MATRICES, type MatrixKind } from "../../config/transport-view";
import { agreementPairs } from "./pairs";
import { messages } from "../messages";
import { useWidth } from "../plan/use-width";
import { Segmented } from "../shell/Segmented";
import { usePalette, useScheme } from "../theme/use-scheme";
import { useLab, useLabState } from "../use-app";
import { Formula } from "./Formula";
import { SaveStage } from "./SaveStage";
import { createScene, type Room, type Scene } from "./scene";
import { Scrubber } from "./Scrubber";
import { shadeColor, shadeOf, type Shade } from "./shade";
import type { Shown } from "./use-shown";

const { transport: text } = messages;
const MAX_HEIGHT = 700;

/** The matrix or the ribbons, its tabs above it, its legend and the sweeps below. */
export function Stage({ shown }: { readonly shown: Shown }) {
  const lab = useLab();
  const show = useLabState((state) => state.view.show);
  const values = matrixOf(shown, show.matrix);
  const scheme = useScheme();
  const palette = usePalette();
  const shade = useMemo(
    () => values && shadeOf(show.matrix, values, show.scale, scheme),
    [values, show.matrix, show.scale, scheme],
  );
  const matrices = MATRICES.map((value) => ({ value, text: text.matrices[value] }));
  const forms = FORMS.map((value) => ({ value, text: text.forms[value] }));
  return (
    <>
      <div className="row stage-tabs">
        {show.form === "matrix" && (
          <Segmented
            label={text.matrixLabel}
            options={matrices}
            value={show.matrix}
            onChange={(matrix) => lab.show({ matrix })}
          />
        )}
        {show.form === "ribbons" || show.matrix === "plan" ? (
          <Formula shown={shown} />
        ) : (
          <span className="muted stage-formula">{text.formulas[show.matrix]}</span>
        )}
        <Segmented
          label={text.formLabel}
          options={forms}
          value={show.form}
          onChange={(form) => lab.show({ form })}
        />
      </div>
      {values && shade ? (
        <>
          <Canvas shown={shown} values={values} shade={shade} />
          <Legend kind={show.form === "ribbons" ? "plan" : show.matrix} shade={shade} />
        </>
      ) : (
        <p className="empty">{text.noGradient}</p>
      )}
      {values && shade && <SaveStage shown={shown} values={values} shade={shade} />}
      <Scrubber shown={shown} palette={palette} />
    </>
  );
}

function matrixOf({ plan, solved }: Shown, kind: MatrixKind): Float32Array | undefined {
  if (kind === "plan") return plan;
  return kind === "cost" ? solved.solution.cost : solved.solution.gradient;
}

interface CanvasProps {
  readonly shown: Shown;
  readonly values: Float32Array;
  readonly shade: Shade;
}

const CALM = "(prefers-reduced-motion: reduce)";

function Canvas({ shown, values, shade }: CanvasProps) {
  const lab = useLab();
  const note = useId();
  const [measure, width] = useWidth();
  const host = useRef<HTMLDivElement>(null);
  const [scene, setScene] = useState<Scene>();
  const [room, setRoom] = useState<Room>({ less: false, more: true });
  const show = useLabState((state) => state.view.show);
  const palette = usePalette();
  const scheme = useScheme();
  const { solved, plan, facts, n, m } = shown;
  const { moved } = facts;
  const { lines } = solved;
  const pairs = useMemo(() => agreementPairs(lines, show.overlay), [lines, show.overlay]);
  const planShade = useMemo(() => shadeOf("plan", plan, show.scale, scheme), [plan, show.scale, scheme]);
  useEffect(() => {
    if (!host.current) return;
    const made = createScene(host.current, lab, ({ less, more }) =>
      setRoom((room) => (room.less === less && room.more === more ? room : { less, more })),
    );
    setScene(made);
    return () => made.destroy();
  }, [lab]);
  useEffect(() => {
    if (width < 1 || !scene) return;
    const calm = matchMedia(CALM).matches;
    const data = { form: show.form, lines, plan, moved, values, shade, planShade, palette, pairs, calm };
    scene.update({ ...data, width, maxHeight: MAX_HEIGHT });
  }, [scene, width, show.form, lines, plan, moved, values, shade, planShade, palette, pairs]);
  return (
    <div className="stage-frame">
      <div ref={measure} className="stage-measure">
        <div
          ref={host}
          id="stage"
          className="stage"
          role="application"
          tabIndex={0}
          aria-roledescription={text.stageRole}
          aria-label={text.stage(n, m)}
          aria-describedby={note}
          onKeyDown={(event) => scene?.onKey(event.nativeEvent)}
        />
      </div>
      <div className="row stage-tools">
        <p id={note} className="muted">
          {text.hint}
        </p>
        <ZoomButtons scene={scene} room={room} ribbons={show.form === "ribbons"} />
      </div>
    </div>
  );
}

interface ZoomButtonsProps {
  readonly scene: Scene | undefined;
  readonly room: Room;
  readonly ribbons: boolean;
}

function ZoomButtons({ scene, room, ribbons }: ZoomButtonsProps) {
  if (ribbons && !room.less && !room.more) return null; // all of it is in view
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

const SCALES = (["sqrt", "linear", "log"] as const).map((value) => ({
  value,
  text: messages.plan.scales[value],
}));
const STOPS = [0, 0.25, 0.5, 0.75, 1];

/** The colours with numbers on them. */
function Legend({ kind, shade }: { readonly kind: MatrixKind; readonly shade: Shade }) {
  const lab = useLab();
  const scale = useLabState((state) => state.view.show.scale);
  const colors = Array.from({ length: 17 }, (_, i) =>
    shadeColor(shade, Math.round((i / 16) * shade.last)),
  ).join(", ");
  return (
    <div className="scale">
      <span className="muted">{text.value[kind]}</span>
      <div className="scale-bar">
        <div style={{ background: `linear-gradient(to right, ${colors})` }} aria-hidden="true" />
        <ol>
          {STOPS.map((stop) => (
            <li key={stop} style={{ left: `${stop * 100}%` }}>
              {text.number(shade.value(stop))}
            </li>
          ))}
        </ol>
      </div>
      <Segmented
        label={messages.plan.scaleLabel}
        options={SCALES}
        value={scale}
        onChange={(chosen) => lab.show({ scale: chosen })}
      />
    </div>
  );
}
