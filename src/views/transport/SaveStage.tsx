import { CopyEmbed } from "../embed/CopyEmbed";
import { useLabState } from "../use-app";
import { SaveFigure, type Figure } from "../figure/SaveFigure";
import { flowRows, matrixRows } from "../figure/rows";
import { messages } from "../messages";
import { matrixSvg } from "../plan/matrix-svg";
import { usePalette } from "../theme/use-scheme";
import { ribbonsSvg } from "./ribbons-svg";
import { shadeColor, type Shade } from "./shade";
import type { Shown } from "./use-shown";

const { transport: text } = messages;
const STOPS = [0, 0.25, 0.5, 0.75, 1];

interface SaveProps {
  readonly shown: Shown;
  readonly values: Float32Array;
  readonly shade: Shade;
}

/** What the stage shows, matrix or ribbons, as files. */
export function SaveStage({ shown, values, shade }: SaveProps) {
  const { form, matrix: kind } = useLabState((state) => state.view.show);
  const palette = usePalette();
  const { lines } = shown.solved;
  const { n, m } = shown;
  const figure = (): Figure => {
    const frame = {
      title: `${text.matrices[form === "ribbons" ? "plan" : kind]}, ${text.sweep} ${text.sweepOf(shown.sweep, shown.last)}`,
      legend: STOPS.map((stop) => ({
        color: shadeColor(shade, Math.round(stop * shade.last)),
        text: text.number(shade.value(stop)),
      })),
      colors: palette,
    };
    const studentTitle = messages.plan.studentAxis(n);
    const teacherTitle = messages.plan.teacherAxis(m);
    if (form === "ribbons") {
      const color = (mass: number) => shadeColor(shade, Math.max(0, shade.at(mass)));
      return {
        name: `couplet-ribbons-sweep-${shown.sweep}`,
        svg: () => ribbonsSvg({ ...frame, lines, plan: shown.plan, color, studentTitle, teacherTitle }),
        rows: () => flowRows(lines.student.texts, lines.teacher.texts, shown.plan),
      };
    }
    const [rows, cols] = [lines.student.texts, lines.teacher.texts];
    const color = (row: number, col: number) => {
      const index = shade.at(values[row * m + col] ?? 0);
      return index < 0 ? undefined : shadeColor(shade, index);
    };
    const axes = { rows, cols, rowTitle: studentTitle, colTitle: teacherTitle };
    return {
      name: `couplet-${kind}-sweep-${shown.sweep}`,
      svg: () => matrixSvg({ ...frame, ...axes, color }),
      rows: () => matrixRows(rows, cols, values),
    };
  };
  return (
    <div className="row save">
      <SaveFigure of={text.matrices[form === "ribbons" ? "plan" : kind]} figure={figure} />
      <CopyEmbed />
    </div>
  );
}
