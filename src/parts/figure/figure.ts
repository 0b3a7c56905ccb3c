// A plan's figure inside an element of the caller's: the stage, and a line that says what is pointed at.
import { PALETTES, type Scheme } from "../../figure/palette";
import { flowAt, NOTHING, type Plan, type Selection, sizeOf } from "../../figure/plan";
import { createPointer } from "../../figure/pointer";
import { Scene } from "../../figure/scene";
import { colorsOf, number, percent, planSvg, type SvgOptions, titlesOf } from "./picture";
import { type PlanInput, planOf } from "./plan-input";

export interface FigureOptions extends Omit<SvgOptions, "scheme"> {
  /** Default "auto": as the reader's system is set. */
  readonly scheme?: Scheme | "auto";
  /** In CSS pixels; default 480. The width is the element's. */
  readonly maxHeight?: number;
  /** Told of every token or pair that is pointed at, and whether a press keeps it. */
  readonly onSelect?: (selection: Selection, pinned: boolean) => void;
}

export interface Figure {
  /** Another plan, other options, or both; what is left out stays. @throws RangeError as `planOf`; the figure stays as it is */
  update(input?: PlanInput, options?: FigureOptions): void;
  /** Points at a token (one side), a pair (both) or nothing, and keeps it. */
  select(selection: Partial<Selection>): void;
  svg(): string;
  /** Takes everything out of the element. */
  destroy(): void;
}

const HINT = "Point at a cell, a token or a ribbon; press to keep it. Arrow keys move, + and − zoom.";
const DARK = "(prefers-color-scheme: dark)";
const CALM = "(prefers-reduced-motion: reduce)";

/** @throws RangeError as `planOf` */
export function createFigure(host: HTMLElement, input: PlanInput, options: FigureOptions = {}): Figure {
  return new PlanFigure(host, input, options);
}

const PAD = 8;

class PlanFigure implements Figure {
  readonly #root = document.createElement("div");
  readonly #stage = document.createElement("div");
  readonly #line = document.createElement("p");
  readonly #pointer = createPointer();
  readonly #scene: Scene;
  readonly #ending = new AbortController();
  readonly #resizing = new ResizeObserver(() => this.#draw());
  #input: PlanInput;
  #options: FigureOptions;
  #plan: Plan;

  constructor(host: HTMLElement, input: PlanInput, options: FigureOptions) {
    [this.#input, this.#options, this.#plan] = [input, options, planOf(input)];
    const { signal } = this.#ending;
    this.#furnish();
    host.append(this.#root);
    this.#scene = new Scene(this.#stage, this.#pointer, () => {});
    this.#pointer.subscribe(() => this.#onPointed());
    this.#stage.addEventListener("keydown", (event) => this.#scene.onKey(event), { signal });
    matchMedia(DARK).addEventListener("change", () => this.#draw(), { signal });
    this.#resizing.observe(this.#root);
    this.#draw();
    this.#say();
  }

  /** Everything is styled here: the figure looks the same whatever page it stands in. */
  #furnish(): void {
    this.#root.append(this.#stage, this.#line);
    Object.assign(this.#root.style, { padding: `${PAD}px`, overflow: "hidden" });
    this.#stage.tabIndex = 0;
    this.#stage.setAttribute("role", "application");
    const { style } = this.#stage;
    Object.assign(style, {
      width: "fit-content",
      cursor: "crosshair",
      touchAction: "pan-y",
      userSelect: "none",
    });
    Object.assign(this.#line.style, {
      margin: "4px 0 0",
      font: "13px/1.5 system-ui, sans-serif",
      minHeight: "1.5em",
    });
    this.#line.setAttribute("aria-live", "polite");
  }

  update(input: PlanInput = this.#input, options: FigureOptions = {}): void {
    const plan = input === this.#input ? this.#plan : planOf(input);
    const [before, [n, m]] = [sizeOf(this.#plan), sizeOf(plan)];
    [this.#input, this.#plan, this.#options] = [input, plan, { ...this.#options, ...options }];
    this.#draw();
    if (before[0] !== n || before[1] !== m) this.#pointer.select(NOTHING);
    else this.#say();
  }

  select({ student, teacher }: Partial<Selection>): void {
    const inside = (index: number | undefined, length: number) =>
      index !== undefined && index >= 0 && index < length ? index : undefined;
    const [n, m] = sizeOf(this.#plan);
    const selection = { student: inside(student, n), teacher: inside(teacher, m) };
    this.#pointer.select(selection, selection.student !== undefined || selection.teacher !== undefined);
  }

  svg(): string {
    return planSvg(this.#input, { ...this.#options, scheme: this.#scheme() });
  }

  destroy(): void {
    this.#ending.abort();
    this.#resizing.disconnect();
    this.#scene.destroy();
    this.#root.remove();
  }

  #scheme(): Scheme {
    const { scheme = "auto" } = this.#options;
    return scheme === "auto" ? (matchMedia(DARK).matches ? "dark" : "light") : scheme;
  }

  #draw(): void {
    const width = this.#root.clientWidth - 2 * PAD;
    if (width < 1) return; // not on the page yet: the observer tells when it is
    const { form = "matrix", scale = "sqrt", maxHeight = 480, titles } = this.#options;
    const [plan, scheme] = [this.#plan, this.#scheme()];
    const [n, m] = sizeOf(plan);
    this.#stage.ariaLabel = `Transport plan between ${n} and ${m} tokens`;
    const { ground, ink } = PALETTES[scheme];
    Object.assign(this.#root.style, { background: ground, color: ink });
    this.#scene.update({
      ...{ form, plan, values: plan.mass, ...colorsOf(plan, scheme, scale) },
      ...{ titles: titlesOf(plan, titles), pairs: undefined, space: { width, maxHeight } },
      calm: matchMedia(CALM).matches,
    });
  }

  #onPointed(): void {
    this.#say();
    const { selection, pinned } = this.#pointer.get();
    this.#options.onSelect?.(selection, pinned);
  }

  #say(): void {
    const { student, teacher } = this.#pointer.get().selection;
    this.#line.textContent =
      student === undefined && teacher === undefined ? HINT : lineOf(this.#plan, student, teacher);
  }
}

function lineOf(plan: Plan, student: number | undefined, teacher: number | undefined): string {
  const tokens = [
    ...(student === undefined ? [] : [plan.student.texts[student]]),
    ...(teacher === undefined ? [] : [plan.teacher.texts[teacher]]),
  ].join(" → ");
  if (student === undefined || teacher === undefined) return tokens;
  const { mass, rowShare, cost } = flowAt(plan, student, teacher);
  const price = Number.isNaN(cost) ? "" : `, cost ${number(cost)}`;
  return `${tokens}: mass ${number(mass)}, ${percent(rowShare)} of its row${price}`;
}
