import { useEffect, type RefObject } from "react";

/** A sheet that opens from a `details` closes with Escape and with a press beside it, as menus do. */
export function useDismiss(of: RefObject<HTMLDetailsElement | null>): void {
  useEffect(() => {
    const close = () => of.current?.removeAttribute("open");
    const onPress = ({ target }: Event) => {
      if (of.current?.open && target instanceof Node && !of.current.contains(target)) close();
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !of.current?.open) return;
      const inside = of.current.contains(document.activeElement);
      close();
      if (inside) of.current.querySelector("summary")?.focus();
    };
    addEventListener("pointerdown", onPress);
    addEventListener("keydown", onKey);
    return () => {
      removeEventListener("pointerdown", onPress);
      removeEventListener("keydown", onKey);
    };
  }, [of]);
}
