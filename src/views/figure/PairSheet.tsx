import { useSyncExternalStore } from "react";
import type { Plan } from "../../figure";
import { messages } from "../messages";
import { NOTHING } from "../../figure";
import type { Pointer } from "./pointer";
import { Selected } from "./Selected";
import { NARROW, useMedia } from "./use-media";

const { figure: text } = messages;

interface PairSheetProps {
  readonly plan: Plan;
  readonly gradient?: Float32Array | null;
  readonly pointer: Pointer;
}

/** On a phone: what was tapped, over the page's foot, until it is closed. */
export function PairSheet({ plan, gradient, pointer }: PairSheetProps) {
  const narrow = useMedia(NARROW);
  const pinned = useSyncExternalStore(pointer.subscribe, () => pointer.get().pinned);
  if (!narrow || !pinned) return null;
  return (
    <aside className="pair-sheet" aria-label={text.selected}>
      <button type="button" onClick={() => pointer.select(NOTHING)}>
        {text.close}
      </button>
      <Selected plan={plan} gradient={gradient} pointer={pointer} />
    </aside>
  );
}
