import { useState } from "react";
import { useLab, useLabState } from "../use-app";
import { csv, download, saveCanvas } from "../download";
import { messages } from "../messages";
import { matrixSvg } from "../plan/matrix-svg";
import { usePalette } from "../theme/use-scheme";
import { shadeColor, type Shade } from "./shade";
import type { Shown } from "./use-shown";

const { transport: text } = messages;
const STOPS = [0, 0.25, 0.5, 0.75, 1];

interface SaveProps {
  readonly shown: Shown;
  readonly values: Float32Array;
  readonly shade: Shade;
}

/** The matrix as picture, vector picture and table. */
export function SaveMatrix({ shown, values, shade }: SaveProps) {
  const kind = useLabState((state) => state.view.show.matrix);
  const palette = usePalette();
  const { lines } = shown.solved;
  const { m } = shown;
  const name = `couplet-${kind}-sweep-${shown.sweep}`;
  const savePng = () => {
    const canvas = document.querySelector<HTMLCanvasElement>("#stage canvas");
    if (canvas) saveCanvas(`${name}.png`, canvas, palette.ground);
  };
  const saveSvg = () => {
    const picture = matrixSvg({
      title: `${text.matrices[kind]}, ${text.sweep} ${text.sweepOf(shown.sweep, shown.last)}`,
      rows: lines.student.texts,
      cols: lines.teacher.texts,
      rowTitle: messages.plan.studentAxis(shown.n),
      colTitle: messages.plan.teacherAxis(m),
      color: (row, col) => {
        const index = shade.at(values[row * m + col] ?? 0);
        return index < 0 ? undefined : shadeColor(shade, index);
      },
      legend: STOPS.map((stop) => ({
        color: shadeColor(shade, Math.round(stop * shade.last)),
        text: text.number(shade.value(stop)),
      })),
      colors: palette,
    });
    download(`${name}.svg`, new Blob([picture], { type: "image/svg+xml" }));
  };
  const saveCsv = () => {
    const rows = lines.student.texts.map((token, i) => [token, ...values.subarray(i * m, (i + 1) * m)]);
    download(`${name}.csv`, new Blob([csv([["", ...lines.teacher.texts], ...rows])], { type: "text/csv" }));
  };
  return (
    <div className="row save">
      <span className="muted">{text.save}</span>
      <button type="button" className="quiet" onClick={savePng}>
        PNG
      </button>
      <button type="button" className="quiet" onClick={saveSvg}>
        SVG
      </button>
      <button type="button" className="quiet" onClick={saveCsv}>
        CSV
      </button>
      <CopyEmbed />
    </div>
  );
}

/** A line for other pages: this figure, in this state. */
function CopyEmbed() {
  const lab = useLab();
  const [note, setNote] = useState("");
  const copy = async () => {
    const source = new URL(`#/embed/transport?${lab.toLink()}`, location.href).href;
    const line = `<iframe src="${source.replaceAll("&", "&amp;")}" width="100%" height="860" style="border:0" loading="lazy" title="Couplet"></iframe>`;
    try {
      await navigator.clipboard.writeText(line);
      setNote(messages.embed.copied);
    } catch {
      setNote(messages.config.copyFailed);
    }
  };
  return (
    <>
      <button type="button" className="quiet" title={messages.embed.copyTitle} onClick={() => void copy()}>
        {messages.embed.copy}
      </button>
      <span role="status" className="muted">
        {note}
      </span>
    </>
  );
}
