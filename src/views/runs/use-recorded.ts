import { useEffect } from "react";
import { useActions } from "../use-app";

/** A screen that shows the recorded run, whatever was looked at on Distill. */
export function useRecordedRun(): void {
  const { kept } = useActions();
  useEffect(() => kept.lookAway(), [kept]);
}
