// The stage's two canvases, and what pointer, wheel and keys do on them. The selection lives in a pointer, the viewport
// here. Made with its host, and at an end with `destroy`.
import * as draw from "./index";
import type {
  MatrixFrame,
  Palette,
  Plan,
  RibbonFrame,
  Ribbons,
  Selection,
  Shade,
  Side,
  Space,
  Tokens,
  Viewport,
} from "./index";
import { listenToGestures } from "./gestures";
import type { Pointer } from "./pointer";

export interface SceneData {
  readonly form: "matrix" | "ribbons";
  readonly plan: Plan;
  /** What the matrix shows: the plan, its cost or its gradient. */
  readonly values: Float32Array;
  readonly shade: Shade;
  readonly palette: Palette;
  readonly sources: readonly string[];
  readonly titles: Readonly<Record<Side, string>>;
  readonly rest: (flows: number, share: number) => string;
  readonly pairs: ArrayLike<number> | undefined;
  readonly space: Space;
  /** Nothing moves by itself. */
  readonly calm: boolean;
}

/** Whether there is more to see in either direction: out and in of a matrix, left and right of ribbons. */
export interface Room {
  readonly less: boolean;
  readonly more: boolean;
}

const MORPH_MS = 180;
const PAN_PX = 120;

/** Everything that is drawn, laid out. */
interface Laid extends SceneData {
  readonly frame: MatrixFrame;
  readonly image: OffscreenCanvas;
  readonly ribbonFrame: RibbonFrame;
  readonly ribbons: Ribbons;
}

export class Scene {
  readonly #base = document.createElement("canvas");
  readonly #overlay = document.createElement("canvas");
  readonly #ends: readonly (() => void)[];
  #laid: Laid | undefined;
  #view: Viewport = draw.WHOLE;
  #scroll = 0;
  #animation = 0;

  constructor(
    host: HTMLElement,
    private readonly pointer: Pointer,
    private readonly onRoom: (room: Room) => void,
  ) {
    // The overlay lies on the picture, whatever styles the page has.
    host.style.position ||= "relative";
    this.#base.style.display = "block";
    Object.assign(this.#overlay.style, {
      position: "absolute",
      inset: "0 auto auto 0",
      pointerEvents: "none",
    });
    this.#overlay.className = "stage-overlay";
    host.append(this.#base, this.#overlay);
    const ungesture = listenToGestures(host, {
      movable: () => this.#movable(),
      hover: (x, y) => this.#hover(x, y),
      press: (x, y) => this.#press(x, y),
      leave: () => this.#hover(-1, -1),
      pan: (dx, dy) => this.#pan(dx, dy),
      zoom: (factor, x, y) => this.#zoom(factor, x, y),
    });
    let before = pointer.get().selection;
    const unsubscribe = pointer.subscribe(() => {
      if (pointer.get().selection !== before) this.#drawSelection();
      before = pointer.get().selection;
    });
    this.#ends = [ungesture, unsubscribe];
  }

  update(next: SceneData): void {
    const before = this.#laid;
    const { plan, values, shade } = next;
    const others =
      !before ||
      !sameTexts(before.plan.student, plan.student) ||
      !sameTexts(before.plan.teacher, plan.teacher);
    if (others) [this.#view, this.#scroll] = [draw.WHOLE, 0];
    const frame = draw.matrixFrame(plan, next.space);
    const same = before && before.values === values && before.shade === shade;
    const image = same ? before.image : draw.matrixImage(values, frame.rows, frame.cols, shade);
    this.#laid = { ...next, frame, image, ...this.#layRibbons(next) };
    this.#view = draw.clampViewport(frame, this.#view);
    if (before && before.form !== next.form && !next.calm) this.#morph(next.form);
    else if (!this.#animation) this.#draw();
  }

  /** In and out of a matrix; along the ribbons. */
  zoom(factor: number): void {
    if (this.#laid?.form === "ribbons") this.#pan(factor > 1 ? PAN_PX : -PAN_PX, 0);
    else this.#zoom(factor);
  }

  fit(): void {
    this.#view = draw.WHOLE;
    this.#draw();
  }

  onKey(event: KeyboardEvent): void {
    const laid = this.#laid;
    if (!laid) return;
    const { rows, cols } = laid.frame;
    const cell = draw.moveCell(rows, cols, this.pointer.get().selection, event.key);
    if (cell) {
      this.pointer.select({ student: cell.row, teacher: cell.col }, true);
      this.#view = draw.reveal(laid.frame, this.#view, cell);
      this.#draw();
    } else if (event.key === "Escape") this.pointer.select(draw.NOTHING);
    else if (event.key === "+" || event.key === "=") this.#zoom(1.5);
    else if (event.key === "-") this.#zoom(1 / 1.5);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  destroy(): void {
    cancelAnimationFrame(this.#animation);
    for (const end of this.#ends) end();
    this.#base.remove();
    this.#overlay.remove();
  }

  #layRibbons(data: SceneData): Pick<Laid, "ribbonFrame" | "ribbons"> {
    const ribbonFrame = draw.ribbonFrame(data.plan, data.space, this.#scroll);
    this.#scroll = ribbonFrame.scroll;
    return { ribbonFrame, ribbons: draw.ribbonsOf(data.plan, ribbonFrame) };
  }

  #pens(width: number, height: number) {
    const ratio = globalThis.devicePixelRatio || 1;
    return {
      base: () => draw.prepare(this.#base, width, height, ratio),
      overlay: () => draw.prepare(this.#overlay, width, height, ratio),
    };
  }

  #draw(): void {
    const laid = this.#laid;
    if (!laid) return;
    const { form, frame, ribbonFrame } = laid;
    const { width, height } = form === "ribbons" ? ribbonFrame : frame;
    const pen = this.#pens(width, height).base();
    if (pen && form === "ribbons") draw.drawRibbons(pen, ribbonPicture(laid));
    else if (pen) draw.drawMatrix(pen, { ...laid, view: this.#view });
    this.#base.dataset["flows"] = String(laid.ribbons.ribbons.length);
    this.#drawSelection();
    this.onRoom(
      form === "ribbons"
        ? { less: this.#scroll > 0, more: this.#scroll < ribbonFrame.most }
        : { less: this.#view.zoom > 1, more: this.#view.zoom < draw.largestZoom(frame) },
    );
  }

  #drawSelection(): void {
    const laid = this.#laid;
    if (!laid) return;
    const { form, frame, ribbonFrame } = laid;
    const { width, height } = form === "ribbons" ? ribbonFrame : frame;
    const pen = this.#pens(width, height).overlay();
    if (!pen || this.#animation) return;
    const { selection } = this.pointer.get();
    if (form === "ribbons") draw.drawRibbonSelection(pen, ribbonPicture(laid), selection);
    else draw.drawMatrixSelection(pen, { ...laid, view: this.#view }, selection);
  }

  #morph(to: SceneData["form"]): void {
    const start = performance.now();
    const tick = () => {
      const laid = this.#laid;
      if (!laid) return;
      const t = Math.min(1, (performance.now() - start) / MORPH_MS);
      if (t >= 1) {
        this.#animation = 0;
        this.#draw();
        return;
      }
      const { frame, ribbonFrame } = laid;
      const height = Math.max(ribbonFrame.height, frame.height);
      const pen = this.#pens(Math.max(ribbonFrame.width, frame.width), height).base();
      this.#pens(1, 1).overlay();
      const cellOf = (i: number, j: number) => draw.cellBox(frame, this.#view, i, j);
      const share = t * t * (3 - 2 * t);
      if (pen) draw.drawMorph(pen, ribbonPicture(laid), cellOf, to === "matrix" ? share : 1 - share);
      this.#animation = requestAnimationFrame(tick);
    };
    cancelAnimationFrame(this.#animation);
    this.#animation = requestAnimationFrame(tick);
  }

  /** About a point; else about the middle of what is chosen, which zooming must not lose; else of the plot. */
  #zoom(factor: number, x?: number, y?: number): void {
    const laid = this.#laid;
    if (laid?.form !== "matrix") return;
    const about = this.#chosenPlace(laid.frame);
    this.#view = draw.zoomAt(laid.frame, this.#view, factor, x ?? about.x, y ?? about.y);
    this.#draw();
  }

  #chosenPlace(frame: MatrixFrame): { readonly x: number; readonly y: number } {
    const { student, teacher } = this.pointer.get().selection;
    const { left, top, plotWidth, plotHeight } = frame;
    const box = draw.cellBox(frame, this.#view, student ?? 0, teacher ?? 0);
    const within = (at: number, from: number, room: number) => Math.min(from + room, Math.max(from, at));
    return {
      x: teacher === undefined ? left + plotWidth / 2 : within(box.x + box.width / 2, left, plotWidth),
      y: student === undefined ? top + plotHeight / 2 : within(box.y + box.height / 2, top, plotHeight),
    };
  }

  #pan(dx: number, dy: number): void {
    const laid = this.#laid;
    if (!laid) return;
    if (laid.form === "ribbons") {
      this.#scroll += dx;
      this.#laid = { ...laid, ...this.#layRibbons(laid) };
    } else {
      const { zoom, x, y } = this.#view;
      this.#view = draw.clampViewport(laid.frame, { zoom, x: x + dx, y: y + dy });
    }
    this.#draw();
  }

  #movable(): boolean {
    return this.#laid?.form === "ribbons" ? this.#laid.ribbonFrame.most > 0 : this.#view.zoom > 1;
  }

  #under(x: number, y: number): Selection {
    const laid = this.#laid;
    if (!laid || x < 0) return draw.NOTHING;
    if (laid.form === "matrix") return draw.matrixUnder(laid.frame, this.#view, x, y);
    return draw.ribbonsUnder(laid.plan, laid.ribbonFrame, laid.ribbons, x, y);
  }

  #hover(x: number, y: number): void {
    const { selection, pinned } = this.pointer.get();
    const found = this.#under(x, y);
    if (!pinned && !samePair(found, selection)) this.pointer.select(found);
  }

  /** A press keeps what it finds, and lets go of what it had. */
  #press(x: number, y: number): void {
    const found = this.#under(x, y);
    const { pinned, selection } = this.pointer.get();
    const same = pinned && samePair(found, selection);
    const nothing = samePair(found, draw.NOTHING);
    this.pointer.select(same ? draw.NOTHING : found, !same && !nothing);
  }
}

/** The same text is on both axes still: what was zoomed to is there. */
const sameTexts = ({ texts: a }: Tokens, { texts: b }: Tokens): boolean =>
  a === b || (a.length === b.length && a.every((text, i) => text === b[i]));

const samePair = (a: Selection, b: Selection): boolean => a.student === b.student && a.teacher === b.teacher;

const ribbonPicture = (laid: Laid) => ({ ...laid, frame: laid.ribbonFrame, laid: laid.ribbons });
