// A value as a readable difference from a base: `method.transport.epsilon=0.2`, one entry per changed leaf.
// Leaves are everything but plain objects. `drop` lists the keys of the base that the value lacks.
import { isRecord } from "../base/json";
import { ConfigError } from "./run";

export type Entries = readonly (readonly [path: string, text: string])[];

const DROP = "drop";

export function differenceOf(base: unknown, value: unknown): Entries {
  const before = leaves(base);
  const after = leaves(value);
  const set = [...after].filter(([path, leaf]) => before.get(path) !== leaf);
  const gone = [...before.keys()].filter((path) => !after.has(path) && !isParent(path, after));
  const dropped = [...new Set(gone.map((path) => topmostGone(path, after)))];
  return dropped.length > 0 ? [...set, [DROP, dropped.join(" ")]] : set;
}

/** @throws ConfigError naming every entry that is not `path=value` of an object. */
export function applyDifference(base: unknown, entries: Entries): unknown {
  const result: unknown = structuredClone(base);
  const issues: string[] = [];
  for (const [path, text] of entries) {
    const paths = path === DROP ? text.split(" ") : [path];
    for (const target of paths) {
      const keys = target.split(".");
      if (keys.some((key) => key === "" || key in Object.prototype))
        issues.push(`${target}: is not a setting's name`);
      else if (path === DROP) remove(result, keys);
      else write(result, keys, leafOf(text));
    }
  }
  if (issues.length > 0) throw new ConfigError(issues);
  return result;
}

/** Leaf texts by path. An empty object is a leaf, so that it is not lost. */
function leaves(value: unknown, path = "", out = new Map<string, string>()): Map<string, string> {
  const entries = isRecord(value) ? Object.entries(value).filter(([, inner]) => inner !== undefined) : [];
  if (entries.length > 0 || (isRecord(value) && path === ""))
    for (const [key, inner] of entries) leaves(inner, path ? `${path}.${key}` : key, out);
  else out.set(path, textOf(value));
  return out;
}

const isParent = (path: string, of: ReadonlyMap<string, string>): boolean =>
  [...of.keys()].some((other) => other.startsWith(`${path}.`));

/** The longest missing branch that the path is part of: `method.transport` instead of each of its leaves. */
function topmostGone(path: string, after: ReadonlyMap<string, string>): string {
  const keys = path.split(".");
  for (let depth = 1; depth < keys.length; depth++) {
    const branch = keys.slice(0, depth).join(".");
    if (!after.has(branch) && !isParent(branch, after)) return branch;
  }
  return path;
}

/** JSON, except that a string is written bare when it cannot be taken for anything else. */
function textOf(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return parseOr(value) === undefined ? value : JSON.stringify(value);
}

function leafOf(text: string): unknown {
  const parsed = parseOr(text);
  return parsed === undefined ? text : parsed;
}

function parseOr(text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch {
    return undefined;
  }
}

function write(target: unknown, keys: readonly string[], value: unknown): void {
  let at = target;
  for (const key of keys.slice(0, -1)) {
    if (!isRecord(at)) return;
    if (!isRecord(at[key])) at[key] = {};
    at = at[key];
  }
  const last = keys.at(-1);
  if (isRecord(at) && last !== undefined) at[last] = value;
}

function remove(target: unknown, keys: readonly string[]): void {
  const parents: unknown[] = [target];
  for (const key of keys.slice(0, -1)) {
    const at = parents.at(-1);
    parents.push(isRecord(at) ? at[key] : undefined);
  }
  // Objects that held nothing else go with their last leaf.
  for (let depth = keys.length - 1; depth >= 0; depth--) {
    const [parent, key] = [parents[depth], keys[depth]];
    if (!isRecord(parent) || key === undefined) return;
    delete parent[key];
    if (Object.keys(parent).length > 0) return;
  }
}
