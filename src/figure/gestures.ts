// What a pointer and a wheel do on a stage, as places in it.

export interface GestureTarget {
  /** There is more than is in view, so that a drag moves it. */
  movable(): boolean;
  hover(x: number, y: number): void;
  press(x: number, y: number): void;
  leave(): void;
  pan(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
}

const DRAG_PX = 4;

/** Until the function that is given back is called. */
export function listenToGestures(host: HTMLElement, target: GestureTarget): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  const place = (event: MouseEvent) => {
    const box = host.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  let drag: { x: number; y: number; moved: boolean } | undefined;
  const onMove = (event: PointerEvent) => {
    const { x, y } = place(event);
    const far = drag && (drag.moved || Math.hypot(x - drag.x, y - drag.y) > DRAG_PX);
    if (!drag || !far || !target.movable()) return target.hover(x, y);
    target.pan(drag.x - x, drag.y - y);
    drag = { x, y, moved: true };
  };
  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    drag = { ...place(event), moved: false };
    if (event.pointerType !== "touch") host.setPointerCapture(event.pointerId);
  };
  const onUp = (event: PointerEvent) => {
    const { x, y } = place(event);
    if (drag && !drag.moved) target.press(x, y);
    drag = undefined;
  };
  host.addEventListener("pointermove", onMove, { signal });
  host.addEventListener("pointerdown", onDown, { signal });
  host.addEventListener("pointerup", onUp, { signal });
  host.addEventListener("pointercancel", () => target.leave(), { signal });
  host.addEventListener("pointerleave", () => target.leave(), { signal });
  host.addEventListener("wheel", (event) => onWheel(event, target, place(event)), { signal, passive: false });
  const onDouble = (event: MouseEvent) => target.zoom(2, place(event).x, place(event).y);
  host.addEventListener("dblclick", onDouble, { signal });
  return () => listening.abort();
}

function onWheel(event: WheelEvent, target: GestureTarget, { x, y }: { x: number; y: number }): void {
  const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (event.ctrlKey || event.metaKey) target.zoom(Math.exp(-event.deltaY / 300), x, y);
  else if (target.movable() && sideways) target.pan(event.deltaX || event.deltaY, 0);
  else return; // the page scrolls
  event.preventDefault();
}
