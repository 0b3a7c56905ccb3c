// An embedded figure and the page around it. Messages carry `couplet: 1`, so that others' are left alone.
//   from the figure   { couplet: 1, type: "height", height } · { couplet: 1, type: "state", link, transportCost, … }
//   to the figure     { couplet: 1, type: "set", link: "v=1&epsilon=0.5" } · { couplet: 1, type: "get" }
import type { TransportLab } from "../../store";

export function talkToParent(host: HTMLElement, lab: TransportLab): () => void {
  if (parent === window) return () => {};
  const say = (message: object) => parent.postMessage({ couplet: 1, ...message }, "*"); // nothing secret in it
  const sayState = () => {
    const { solved, issues } = lab.store.getState();
    const { transportCost, entropy, marginalError, converged } = solved?.solution ?? {};
    say({ type: "state", link: lab.toLink(), issues, transportCost, entropy, marginalError, converged });
  };
  const hear = ({ data, source }: MessageEvent<unknown>) => {
    if (source !== parent || typeof data !== "object" || data === null) return;
    if (Reflect.get(data, "couplet") !== 1) return;
    const link: unknown = Reflect.get(data, "link");
    const type: unknown = Reflect.get(data, "type");
    if (type === "set" && typeof link === "string") lab.fromLink(link);
    if (type === "set" || type === "get") sayState();
  };
  const sizes = new ResizeObserver(() => say({ type: "height", height: host.scrollHeight }));
  sizes.observe(host);
  addEventListener("message", hear);
  const unsubscribe = lab.store.subscribe((now, before) => now.solved !== before.solved && sayState());
  return () => {
    sizes.disconnect();
    removeEventListener("message", hear);
    unsubscribe();
  };
}
