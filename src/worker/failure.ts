// What every worker says of a failure.

/** A failure in the reader's terms: what happened, why, what to do. */
export interface Failure {
  readonly code: string;
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}
