import type { LastSession } from "../../store";
import { messages } from "../messages";
import { methodName } from "../run/field-names";

const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
export const when = (time: number): string => moment.format(time);

/** What a run is called: by a person, or by what it is. */
export function runTitle({
  name,
  method,
  step,
  steps,
  seed,
}: Pick<LastSession, "method" | "step" | "steps" | "seed"> & { readonly name: string | undefined }): string {
  const what = messages.kept.what(methodName(method), step, steps, seed);
  return name === undefined ? what : `${name} (${what})`;
}
