// The ribbons between two token lines as a picture for papers: the whole text, not the part in view.
import { figure, label, line, MONO, round, SANS, swatches, type FigureColors, type LegendStop } from "./svg";
import { shadeColor, type Shade } from "./color";
import { CHAR_PX } from "./matrix";
import type { Plan, Side } from "./plan";
import {
  bytesOf,
  byteX,
  ribbonFrame,
  ribbonsOf,
  rulerBytes,
  TOKEN_PX,
  tokenBox,
  type Ribbon,
  type RibbonFrame,
} from "./ribbons";
import { tokenLabel } from "./text";

export interface RibbonsSvg {
  readonly title: string;
  readonly plan: Plan;
  readonly shade: Shade;
  readonly titles: Readonly<Record<Side, string>>;
  readonly legend: readonly LegendStop[];
  readonly colors: FigureColors;
}

const [PITCH, GAP, TOP, SIDE] = [12, 200, 26, 16];

export function ribbonsSvg(picture: RibbonsSvg): string {
  const { title, plan, shade, titles, colors } = picture;
  const bytes = bytesOf(plan);
  const frame = ribbonFrame(plan, Math.max(bytes * PITCH + SIDE, 320), GAP, 0);
  const color = (mass: number) => shadeColor(shade, Math.max(0, shade.at(mass))) ?? "";
  const ribbons = ribbonsOf(plan, frame);
  const bottom = TOP + frame.height;
  return figure({ title, width: frame.width, height: bottom + 46, ground: colors.ground }, [
    label(
      titles.teacher,
      8,
      16,
      `${SANS} font-size="11" fill="${colors.teacher}" text-decoration="underline"`,
    ),
    `<g transform="translate(0 ${TOP})">`,
    `<g fill-opacity="0.85">`,
    ...ribbons.map((ribbon) => ribbonPath(frame, ribbon, color(ribbon.mass))),
    "</g>",
    ruler(frame, bytes, colors),
    ...(["teacher", "student"] as const).map((side) => tokens(frame, plan, side, colors)),
    "</g>",
    label(titles.student, 8, bottom + 12, `${SANS} font-size="11" fill="${colors.student}"`),
    swatches(picture.legend, 8, bottom + 24, colors),
  ]);
}

/** As on the page: at least a hair wide, with the edges' Béziers upright at both ends. */
function ribbonPath(frame: RibbonFrame, { student, teacher }: Ribbon, fill: string): string {
  const [top, bottom] = [frame.teacherY + TOKEN_PX, frame.studentY];
  const middle = (top + bottom) / 2;
  const widen = ([a, b]: readonly [number, number]) => (b - a < 0.6 ? [a - 0.3, b + 0.3] : [a, b]).map(round);
  const [t0, t1] = widen(teacher);
  const [s0, s1] = widen(student);
  const down = `M${t0} ${top}C${t0} ${middle} ${s0} ${middle} ${s0} ${bottom}`;
  return `<path fill="${fill}" d="${down}L${s1} ${bottom}C${s1} ${middle} ${t1} ${middle} ${t1} ${top}z"/>`;
}

function tokens(frame: RibbonFrame, plan: Plan, side: Side, colors: FigureColors): string {
  const color = colors[side];
  const dash = side === "teacher" ? "" : ` stroke-dasharray="2 2"`;
  const drawn = plan[side].texts.map((text, i) => {
    const { x, y, width } = tokenBox(frame, side, plan[side], i);
    const edge = side === "teacher" ? y + TOKEN_PX - 1 : y + 1;
    const under = line(
      x + 0.5,
      edge,
      x + Math.max(1, width - 0.5),
      edge,
      `stroke="${color}" stroke-width="2"${dash}`,
    );
    const room = Math.floor((width - 1) / CHAR_PX);
    const anchor = `fill="${color}" text-anchor="middle"`;
    return room < 1
      ? under
      : under + label(tokenLabel(text, room), x + width / 2, y + TOKEN_PX / 2 + 4, anchor);
  });
  return `<g ${MONO} font-size="11">${drawn.join("\n")}</g>`;
}

function ruler(frame: RibbonFrame, bytes: number, colors: FigureColors): string {
  const step = rulerBytes(frame.pitch);
  const marks = Array.from({ length: Math.floor(bytes / step) + 1 }, (_, i) => {
    const x = byteX(frame, i * step);
    const tick = line(x, 0, x, frame.teacherY - 2, `stroke="${colors.rule}"`);
    return tick + label(i === 0 ? "byte 0" : String(i * step), x + 3, 11, `fill="${colors.muted}"`);
  });
  return `<g ${SANS} font-size="10">${marks.join("\n")}</g>`;
}
