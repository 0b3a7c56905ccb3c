/** A run that cannot go on: what happened, why, what to do. The page and the headless runner show it as it is. */
export class RunError extends Error {
  override name = "RunError";
  constructor(
    readonly code:
      | "not-finite"
      | "logits-differ"
      | "export-differs"
      | "device-lost"
      | "no-rows"
      | "vocabulary"
      | "teacher-weights"
      | "adapters"
      | "checkpoint",
    readonly what: string,
    readonly why: string,
    readonly remedy: string,
  ) {
    super(`${what} ${why} ${remedy}`);
  }
}
