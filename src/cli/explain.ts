// What goes wrong in a command, in a line or three for the person who gave it, and as an exit code.
import { ConfigError } from "../config/run";
import { NoGpuError } from "../gpu/device";
import { RunError } from "../trainer/failure";
import { BAD_INPUT, CANNOT_RUN, INTERNAL } from "./exit-codes";
import { BadUsage } from "./usage";

/** The exit code, after the error has been printed: a line or three for a person, or a defect with its stack. */
export function explain(error: unknown): number {
  if (error instanceof RunError) {
    console.error(`${error.what}\n${error.why}\n${error.remedy}`);
    return WRONG_INPUT.has(error.code) ? BAD_INPUT : CANNOT_RUN;
  }
  if (error instanceof NoGpuError) {
    console.error(error.message);
    return CANNOT_RUN;
  }
  if (isBadInput(error)) return refuse(error.message);
  if (error instanceof RangeError && error.message.startsWith("Maximum call stack"))
    return refuse(
      "A file is nested too deeply to be read: some value in it holds thousands of others in each other.",
    );
  const file = fileError(error);
  if (file !== undefined) return refuse(file);
  console.error(error);
  return INTERNAL;
}

/** Failures that another input would not have. */
const WRONG_INPUT: ReadonlySet<RunError["code"]> = new Set([
  "checkpoint",
  "no-rows",
  "vocabulary",
  "model-absent",
  "data-absent",
]);

/** Errors whose message is for the person who gave the input. */
const isBadInput = (error: unknown): error is Error =>
  error instanceof ConfigError ||
  error instanceof BadUsage ||
  (error instanceof Error && ["ModelError", "DataError", "NoTimestampsError"].includes(error.name));

const FILE_ERRORS: Readonly<Record<string, string>> = {
  EACCES: "permission is denied",
  EPERM: "permission is denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  EEXIST: "something is there already",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many files are open",
  EFBIG: "the file would be too large",
};

/** A failure of the file system in one line: what, why. Undefined for other errors. */
export function fileError(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  const code = String(error.code);
  const why = Object.hasOwn(FILE_ERRORS, code) ? FILE_ERRORS[code] : undefined;
  if (why === undefined) return undefined;
  const path = "path" in error && typeof error.path === "string" ? `"${error.path}"` : undefined;
  const work = WRITES.has(String(error.syscall)) || path === undefined ? "written" : "read or written";
  return `${path ?? "A file"} cannot be ${work}: ${why} (${code}).`;
}

const WRITES = new Set(["write", "writev", "mkdir", "rename", "unlink", "ftruncate", "fsync"]);

export function refuse(message: string): number {
  console.error(message);
  return BAD_INPUT;
}
