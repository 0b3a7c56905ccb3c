import { useStore } from "zustand";
import { toast } from "./toast";

/** Always there, so that screen readers hear it change. */
export function Toast() {
  const { text } = useStore(toast);
  return (
    <p role="status" className="toast" data-empty={text === ""}>
      {text}
    </p>
  );
}
