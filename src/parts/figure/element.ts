// The figure as a custom element.
import { createFigure, type Figure, type FigureOptions } from "./figure";
import type { PlanInput } from "./plan-input";

/** `<couplet-plan form="ribbons" scheme="dark" scale="log" max-height="320">`; what it shows is its property `plan`. */
export interface PlanElement extends HTMLElement {
  plan: PlanInput | undefined;
  svg(): string;
}

const ATTRIBUTES = ["form", "scheme", "scale", "max-height"];
const CHOICES = {
  form: ["matrix", "ribbons"],
  scheme: ["auto", "light", "dark"],
  scale: ["sqrt", "linear", "log"],
} as const;

/** Makes the element known to the page; twice does no harm. It sends "select" with `{ selection, pinned }` as its detail. */
export function definePlanElement(name = "couplet-plan"): void {
  if (customElements.get(name)) return;
  customElements.define(
    name,
    class extends HTMLElement implements PlanElement {
      static readonly observedAttributes = ATTRIBUTES;
      #figure: Figure | undefined;
      #plan: PlanInput | undefined;

      get plan(): PlanInput | undefined {
        return this.#plan;
      }

      /** @throws RangeError as `planOf` */
      set plan(plan: PlanInput | undefined) {
        if (plan && this.#figure) this.#figure.update(plan);
        this.#plan = plan;
        if (this.isConnected && !this.#figure) this.connectedCallback();
        if (!plan) this.disconnectedCallback();
      }

      svg(): string {
        if (!this.#figure) throw new Error(`<${name}> shows no plan: set its property \`plan\``);
        return this.#figure.svg();
      }

      connectedCallback(): void {
        if (!this.#plan || this.#figure) return;
        this.style.display ||= "block";
        const onSelect: FigureOptions["onSelect"] = (selection, pinned) =>
          this.dispatchEvent(new CustomEvent("select", { detail: { selection, pinned } }));
        this.#figure = createFigure(this, this.#plan, { ...optionsOf(this), onSelect });
      }

      disconnectedCallback(): void {
        this.#figure?.destroy();
        this.#figure = undefined;
      }

      attributeChangedCallback(): void {
        this.#figure?.update(undefined, optionsOf(this));
      }
    },
  );
}

/** What attributes say; anything else is the default. */
function optionsOf(element: HTMLElement): FigureOptions {
  const choice = <T extends string>(name: string, choices: readonly [T, ...T[]]): T =>
    choices.find((known) => known === element.getAttribute(name)) ?? choices[0];
  const maxHeight = Number(element.getAttribute("max-height"));
  return {
    form: choice("form", CHOICES.form),
    scheme: choice("scheme", CHOICES.scheme),
    scale: choice("scale", CHOICES.scale),
    ...(maxHeight > 0 && { maxHeight }),
  };
}
