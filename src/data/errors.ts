/** What is wrong with a data set, in words that can be shown as they are. `line` counts from 1. */
export class DataError extends Error {
  override readonly name = "DataError";
  readonly line?: number;

  constructor(message: string, line?: number) {
    super(message);
    if (line !== undefined) this.line = line;
  }
}
