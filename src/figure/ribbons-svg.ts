// The ribbons between two token lines as a picture for papers: the whole text, not the part in view.
import { planFacts, type Plan, type Side } from "./plan";
import {
  byteX,
  HOLLOW,
  lettersOf,
  restBox,
  ribbonEdges,
  ribbonFrame,
  ribbonsOf,
  rulerBytes,
  tokenBox,
} from "./ribbons";
import type { Ribbon, RibbonFrame } from "./ribbons";
import { figure, label, line, MONO, round, SANS, type FigureColors } from "./svg";
import { tokenLabel } from "./text";

export interface RibbonsSvg {
  readonly title: string;
  readonly plan: Plan;
  readonly titles: Readonly<Record<Side, string>>;
  readonly rest: (flows: number, share: number) => string;
  readonly colors: FigureColors;
  readonly sources: readonly string[];
}

/** Pixels per byte; a short text has air between its tokens. */
const [PITCH, SHORT_PITCH, SHORT] = [12, 22, 60];
const [HEIGHT, SIDE] = [280, 16];

export function ribbonsSvg(picture: RibbonsSvg): string {
  const { title, plan, titles, colors, sources } = picture;
  const bytes = [plan.student, plan.teacher].map(({ end }) => end[end.length - 1] ?? 0);
  const most = Math.max(...bytes);
  const width = Math.max(most * (most < SHORT ? SHORT_PITCH : PITCH) + SIDE, 320);
  const frame = ribbonFrame(plan, { width, maxHeight: HEIGHT }, 0);
  const laid = ribbonsOf(plan, frame);
  const box = restBox(frame, laid);
  const color = ({ row }: Ribbon) => sources[row % sources.length] ?? "";
  const heading = `${SANS} font-size="11"`;
  return figure({ title, width: frame.width, height: frame.height, ground: colors.ground }, [
    label(titles.teacher, 8, 12, `${heading} fill="${colors.teacher}" text-decoration="underline"`),
    ...laid.ribbons.map((ribbon) => ribbonPath(frame, ribbon, color(ribbon))),
    box === undefined
      ? ""
      : `<defs><pattern id="rest" width="6" height="6" patternTransform="rotate(45)" patternUnits="userSpaceOnUse">${line(0, 0, 0, 6, `stroke="${colors.muted}"`)}</pattern></defs>` +
        `<rect x="${round(box.x)}" y="${round(box.y)}" width="${round(box.width)}" height="${round(box.height)}" fill="url(#rest)"/>` +
        label(
          picture.rest(laid.rest.flows, laid.rest.share),
          frame.width - 4,
          frame.height - 6,
          `${heading} fill="${colors.muted}" text-anchor="end"`,
        ),
    ...(["teacher", "student"] as const).map((side) => tokens(frame, picture, side)),
    ruler(frame, colors),
    label(titles.student, 8, frame.height - 6, `${heading} fill="${colors.student}"`),
  ]);
}

/** As on the page. */
function ribbonPath(frame: RibbonFrame, ribbon: Ribbon, fill: string): string {
  const { top, middle, bottom, teacher, student } = ribbonEdges(frame, ribbon);
  const [t0 = 0, t1 = 0] = teacher.map(round);
  const [s0 = 0, s1 = 0] = student.map(round);
  const opacity = Math.round(ribbon.opacity * 100) / 100;
  const down = `M${t0} ${top}C${t0} ${middle} ${s0} ${middle} ${s0} ${bottom}`;
  const up = `L${s1} ${bottom}C${s1} ${middle} ${t1} ${middle} ${t1} ${top}z`;
  return `<path fill="${fill}" fill-opacity="${opacity}" d="${down}${up}"/>`;
}

function tokens(frame: RibbonFrame, { plan, colors, sources }: RibbonsSvg, side: Side): string {
  const { texts, start, end } = plan[side];
  const moved = planFacts(plan).moved[side];
  const dash = side === "teacher" ? "" : ` stroke-dasharray="2 2"`;
  const drawn = texts.map((text, i) => {
    const box = tokenBox(frame, side, plan[side], i);
    const { x, y, width, height } = box;
    const edge = side === "teacher" ? y + height - 1 : y + 1;
    const stroke = `stroke="${colors[side]}" stroke-width="2"${dash}`;
    const under =
      (moved[i] ?? 1) < HOLLOW ? "" : line(x + 0.5, edge, x + Math.max(1, width - 0.5), edge, stroke);
    const fill = side === "student" ? sources[i % sources.length] : colors.ink;
    const letters = lettersOf(frame, box, text, (end[i] ?? 0) - (start[i] ?? 0), tokenLabel);
    const anchor = `fill="${fill}" text-anchor="middle"`;
    return under + letters.map((letter) => label(letter.text, letter.x, y + height / 2 + 4, anchor)).join("");
  });
  return `<g ${MONO} font-size="11">${drawn.join("\n")}</g>`;
}

function ruler(frame: RibbonFrame, colors: FigureColors): string {
  if (frame.air > 0) return "";
  const step = rulerBytes(frame);
  const top = frame.studentY + frame.token + 3;
  const marks = Array.from({ length: Math.floor(frame.bytes / step) + 1 }, (_, i) => {
    const x = byteX(frame, i * step);
    const tick = line(x, top, x, top + 11, `stroke="${colors.rule}"`);
    return tick + label(i === 0 ? "byte 0" : String(i * step), x + 3, top + 10, `fill="${colors.muted}"`);
  });
  return `<g ${SANS} font-size="10">${marks.join("\n")}</g>`;
}
