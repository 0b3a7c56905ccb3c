// The figure in notebooks: the front end of couplet_figure.py, as anywidget loads it (https://anywidget.dev).
import { createFigure, type FigureOptions } from "./figure";
import type { PlanInput } from "./plan-input";

/** What is used of a widget's model: traits by name, some set by Python and some from here. */
interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  save_changes(): void;
}

const TRAITS = ["_data", "rows", "cols", "titles", "form", "scheme", "scale", "max_height"];

export default {
  render({ model, el }: { readonly model: Model; readonly el: HTMLElement }): () => void {
    const onSelect: FigureOptions["onSelect"] = ({ student, teacher }, pinned) => {
      if (!pinned) return;
      model.set("selected", [student ?? null, teacher ?? null]);
      model.save_changes();
    };
    el.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's own arrow keys would go first
    const figure = createFigure(el, inputOf(model), { ...optionsOf(model), onSelect });
    const update = () => figure.update(inputOf(model), optionsOf(model));
    // Several traits that change together arrive one after the other, in one turn.
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      queueMicrotask(() => {
        waiting = false;
        update();
      });
    };
    for (const trait of TRAITS) model.on(`change:${trait}`, soon);
    return () => {
      for (const trait of TRAITS) model.off(`change:${trait}`, soon);
      figure.destroy();
    };
  },
};

/** `_data`: float32, row by row, as bytes. */
function inputOf(model: Model): PlanInput {
  const [rows, cols] = [model.get("rows"), model.get("cols")] as [string[], string[]]; // couplet_figure.py has their types
  const { buffer, byteOffset, byteLength } = model.get("_data") as DataView;
  const plan = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
  return { plan, n: rows.length, m: cols.length, student: rows, teacher: cols };
}

function optionsOf(model: Model): FigureOptions {
  const [student = "", teacher = ""] = model.get("titles") as string[];
  return {
    form: model.get("form") as "matrix" | "ribbons",
    scheme: model.get("scheme") as "auto" | "light" | "dark",
    scale: model.get("scale") as "sqrt" | "linear" | "log",
    maxHeight: model.get("max_height") as number,
    titles: { student, teacher },
  };
}
