// The folder of a run — plan
//   who may write    a new or empty folder, one with other files; not one with a run unless told; not a file, below a
//                    file, a full or read-only disk; not while another process writes; the lock of a dead one is no bar
//   what is written  whole or not at all; --overwrite removes the run's files when the new run begins, and no others;
//                    records after the step that is resumed go
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { openOutputFolder } from "../../../src/cli/output-folder";

const top = mkdtempSync(join(tmpdir(), "couplet-out-"));
let dir = "";
let made = 0;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = join(top, String(made++));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

const open = (options: { resume?: boolean; overwrite?: boolean; bytes?: number } = {}) =>
  openOutputFolder(dir, { resume: false, overwrite: false, ...options });
const LOCK = ".couplet-lock";

/** A folder with a run of two steps and a file of somebody's. */
function withRun(): void {
  mkdirSync(join(dir, "student"), { recursive: true });
  writeFileSync(join(dir, "config.json"), "{}");
  writeFileSync(join(dir, "metrics.jsonl"), '{"step":1}\n{"step":2}\n{"st');
  writeFileSync(join(dir, "student/model.safetensors"), "weights");
  writeFileSync(join(dir, "notes.txt"), "mine");
}

describe("who may write", () => {
  test("a new folder, deep down; one with other files; and it is let go again", () => {
    dir = join(dir, "a/b");
    open().release();
    writeFileSync(join(dir, "notes.txt"), "mine");
    open().release();
    expect(readdirSync(dir)).toEqual(["notes.txt"]);
  });

  test("a folder with a run: refused with both ways on, and nothing is touched", () => {
    withRun();
    expect(() => open()).toThrow(
      /holds an earlier run of 2 steps \(config\.json, metrics\.jsonl, student\)\. --overwrite replaces it/,
    );
    writeFileSync(join(dir, "checkpoint.safetensors"), "x");
    expect(() => open()).toThrow(/--resume goes on with it/);
    expect(readFileSync(join(dir, "student/model.safetensors"), "utf8")).toBe("weights");
    expect(existsSync(join(dir, LOCK))).toBe(false);
  });

  test("a file, a path below a file, a disk that is too small", () => {
    writeFileSync(dir, "x");
    expect(() => open()).toThrow(/nothing can be written to ".*": it is a file, not a folder/);
    dir = join(dir, "below");
    expect(() => open()).toThrow(/a part of its path is a file/);
    dir = `${dir.slice(0, -6)}-big`;
    expect(() => open({ bytes: 2 ** 60 })).toThrow(/has [\d.]+ MB free; .* take 1152921504606\.8 MB/);
    expect(existsSync(join(dir, LOCK))).toBe(false);
  });

  test("a file system that takes no folders", () => {
    dir = "/proc/couplet-out";
    expect(() => open()).toThrow(/nothing can be written to "\/proc\/couplet-out"/);
  });

  test("two runs: the second is told who writes there", () => {
    const first = open();
    expect(() => open()).toThrow(new RegExp(`process ${process.pid} on .* is writing a run into`));
    expect(() => open({ overwrite: true })).toThrow(/is writing a run/);
    first.release();
    open().release();
  });

  test("the lock of a process that lives is kept, of one that has died is not", async () => {
    mkdirSync(dir, { recursive: true });
    const child = spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"]);
    children.push(child);
    const pid = child.pid!;
    const lock = (fields: object) =>
      writeFileSync(join(dir, LOCK), JSON.stringify({ pid, host: hostname(), started: "", ...fields }));
    lock({});
    expect(() => open()).toThrow(new RegExp(`process ${pid} on`));
    lock({ started: "1" }); // the number of a process of old, now another's
    open().release();
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    lock({});
    open().release();
    lock({ host: "elsewhere" });
    expect(() => open()).toThrow(/on elsewhere is writing/);
    writeFileSync(join(dir, LOCK), "not ours");
    expect(() => open()).toThrow(/delete .*\.couplet-lock/);
    writeFileSync(join(dir, LOCK), ""); // its writer died between making the file and filling it
    open().release();
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("what is written", () => {
  test("--overwrite removes the run's own files when the new run begins", () => {
    withRun();
    const folder = open({ overwrite: true });
    expect(existsSync(join(dir, "student/model.safetensors"))).toBe(true); // until then the old run is whole
    folder.begin();
    expect(readdirSync(dir).toSorted()).toEqual([LOCK, "notes.txt"]);
    folder.release();
  });

  test("records up to a step stay, later and broken ones go", () => {
    withRun();
    const folder = open({ resume: true });
    folder.begin();
    folder.keep("metrics.jsonl", 1);
    folder.append("metrics.jsonl", { step: 2, again: true });
    expect(readFileSync(join(dir, "metrics.jsonl"), "utf8")).toBe('{"step":1}\n{"step":2,"again":true}\n');
    folder.keep("metrics.jsonl", 0);
    expect(readFileSync(join(dir, "metrics.jsonl"), "utf8")).toBe("");
    folder.release();
  });

  test("a write that fails leaves the old file and no part of the new one", () => {
    const folder = open();
    folder.replace("checkpoint.safetensors", new Uint8Array([1]));
    mkdirSync(join(dir, "checkpoint.safetensors.part")); // where the new one would be written
    expect(() => folder.replace("checkpoint.safetensors", new Uint8Array([2]))).toThrow(/EISDIR/);
    expect([...readFileSync(join(dir, "checkpoint.safetensors"))]).toEqual([1]);
    folder.release();
  });
});
