// An embedded figure and the page around it. Every message names its version; what is not for us is left alone.
//   to the figure     { couplet: true, v: 1, type: "set", link: "v=1&epsilon=0.5" } · { couplet: true, v: 1, type: "get" }
//   from the figure   { couplet: true, v: 1, type: "event", event: "height", height }
//                     { couplet: true, v: 1, type: "event", event: "state", link, issues, transportCost, … }
//                     { couplet: true, v: 1, type: "event", event: "error", detail }
import type { TransportScreenStore } from "../../store";

const TALK_VERSION = 1;

export function talkToParent(host: HTMLElement, transportScreen: TransportScreenStore): () => void {
  if (parent === window) return () => {};
  const say = (event: string, message: object) =>
    parent.postMessage({ couplet: true, v: TALK_VERSION, type: "event", event, ...message }, "*"); // nothing secret in it
  const sayState = () => {
    const { solved, issues } = transportScreen.store.getState();
    const { transportCost, entropy, marginalError, converged } = solved?.solution ?? {};
    say("state", {
      link: transportScreen.toLink(),
      issues,
      transportCost,
      entropy,
      marginalError,
      converged,
    });
  };
  const hear = ({ data, source }: MessageEvent<unknown>) => {
    if (source !== parent || typeof data !== "object" || data === null) return;
    const read = (key: string): unknown => Reflect.get(data, key);
    if (read("couplet") !== true || read("type") === "event") return;
    if (read("v") !== TALK_VERSION)
      return say("error", { detail: `this figure speaks v ${TALK_VERSION}, not v ${String(read("v"))}` });
    const link = read("link");
    switch (read("type")) {
      case "set":
        if (typeof link !== "string") return say("error", { detail: "set needs link, the text of a link" });
        transportScreen.fromLink(link);
        return sayState();
      case "get":
        return sayState();
      default:
        return say("error", { detail: `type must be "set" or "get", got ${JSON.stringify(read("type"))}` });
    }
  };
  const sizes = new ResizeObserver(() => say("height", { height: host.scrollHeight }));
  sizes.observe(host);
  addEventListener("message", hear);
  const unsubscribe = transportScreen.store.subscribe(
    (now, before) => now.solved !== before.solved && sayState(),
  );
  return () => {
    sizes.disconnect();
    removeEventListener("message", hear);
    unsubscribe();
  };
}
