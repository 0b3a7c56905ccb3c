// One process at a time writes into a folder. The lock is a file that is made only where there is none; it names the
// process, so that the lock of one that died is told from the lock of one that lives.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { BadUsage } from "./usage";

const LOCK = ".couplet-lock";

export interface FolderLock {
  release(): void;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as the system counts it: a number is given to another process in time. */
  readonly started: string;
}

/** @throws BadUsage naming the process that holds the folder. */
export function lockFolder(dir: string): FolderLock {
  const file = join(dir, LOCK);
  const mine = JSON.stringify(me());
  for (let attempt = 0; attempt < 3; attempt++) {
    if (claim(file, mine)) return { release: () => release(file, mine) };
    const held = textOf(file);
    if (held === undefined) continue; // released meanwhile
    const owner = ownerIn(held);
    if (owner === undefined || alive(owner)) throw new BadUsage(refusal(dir, owner));
    exportedFiles(file, held);
  }
  throw new BadUsage(refusal(dir, undefined));
}

/** Only one of several callers succeeds. The lock is whole from its first moment: it is written elsewhere and linked. */
function claim(file: string, text: string): boolean {
  const own = `${file}.${process.pid}.new`;
  try {
    writeFileSync(own, text);
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Remove the lock of a process that has ended, unless another caller was faster and has put its own there. */
function exportedFiles(file: string, held: string): void {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
    if (textOf(aside) !== held) linkSync(aside, file); // another's: back it goes
  } catch {
    // gone, or taken anew: the next attempt sees which
  } finally {
    rmSync(aside, { force: true });
  }
}

function release(file: string, mine: string): void {
  if (textOf(file) === mine) rmSync(file, { force: true });
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

const me = (): Owner => ({ pid: process.pid, host: hostname(), started: startOf(process.pid) ?? "" });

/** Undefined for a lock that is not ours to understand, which is respected. */
function ownerIn(text: string): Owner | undefined {
  if (text === "") return { pid: -1, host: hostname(), started: "" }; // the disk was full, or an earlier version died here
  try {
    const { pid, host, started }: Partial<Owner> = JSON.parse(text);
    return typeof pid === "number" && typeof host === "string"
      ? { pid, host, started: started ?? "" }
      : undefined;
  } catch {
    return undefined;
  }
}

/** A process of another machine counts as alive: nothing here can tell. */
function alive({ pid, host, started }: Owner): boolean {
  if (host !== hostname()) return true;
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  const now = startOf(pid);
  return now === undefined || started === "" || now === started;
}

/** Field 22 of Linux's /proc/PID/stat; undefined elsewhere. The name in field 2 may hold spaces and brackets. */
function startOf(pid: number): string | undefined {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

const refusal = (dir: string, owner: Owner | undefined): string =>
  owner
    ? `--out: process ${owner.pid} on ${owner.host} is writing a run into "${dir}". Wait for it, stop it, or name another folder.`
    : `--out: another run is using "${dir}". If none is, delete ${join(dir, LOCK)}.`;
