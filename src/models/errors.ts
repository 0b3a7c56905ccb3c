// What can be wrong with a model folder, as one error type that the page can show as it is.

import { messageOf } from "../base/errors";

export type ModelErrorCode = "missing-file" | "truncated" | "unsupported" | "mismatch" | "invalid";

/** `message` names what was expected, what came and what to do; `file` is relative to the model folder. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;
  readonly file?: string;

  constructor(code: ModelErrorCode, message: string, options: { file?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.file !== undefined) this.file = options.file;
  }
}

/** Runs `read`, naming the file in every error that leaves it. Anything but a ModelError becomes "invalid". */
export function withFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw namingFile(file, error);
  }
}

/** The same for reading that takes its time. */
export async function whileReading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw namingFile(file, error);
  }
}

function namingFile(file: string, error: unknown): ModelError {
  if (error instanceof ModelError && error.file !== undefined) return error;
  const code = error instanceof ModelError ? error.code : "invalid";
  return new ModelError(code, `${file}: ${messageOf(error)}`, { file, cause: error });
}
