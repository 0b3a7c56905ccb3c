// A state of the page as a link: versioned, and readable as a difference from a preset.
//
//   #/distill?v=1&preset=first-light&seed=8&method.transport.epsilon=0.2
import { applyDifference, differenceOf, type Entries } from "./difference";
import { ConfigError } from "./run";

const LINK_VERSION = 1;

export interface Decoded<T> {
  readonly value: T;
  readonly preset: string;
  /** One line per thing that the link asks for and cannot have; then `value` is the preset's own. */
  readonly issues: readonly string[];
}

export interface LinkFormat<T> {
  /** The first preset is the default. */
  readonly presets: Readonly<Record<string, T>>;
  /** @throws ConfigError with one line per field. */
  readonly parse: (json: unknown) => T;
}

/** The default preset without differences is the empty text. */
export function encodeLink<T>({ presets }: LinkFormat<T>, preset: string, value: T): string {
  const difference = differenceOf(presets[preset], value);
  const named = preset !== Object.keys(presets)[0];
  if (!named && difference.length === 0) return "";
  const head: Entries = [["v", String(LINK_VERSION)], ...(named ? [["preset", preset] as const] : [])];
  return [...head, ...difference].map(([key, text]) => `${escape(key)}=${escape(text)}`).join("&");
}

export function decodeLink<T>({ presets, parse }: LinkFormat<T>, text: string): Decoded<T> {
  const [fallback = ""] = Object.keys(presets);
  const entries = [...new URLSearchParams(text)];
  const single = (key: string) => entries.find(([name]) => name === key)?.[1];
  const preset = single("preset") ?? fallback;
  const known = Object.hasOwn(presets, preset);
  const base = presets[known ? preset : fallback];
  if (base === undefined) throw new RangeError("A link format needs at least one preset.");
  const plain = (issues: readonly string[]): Decoded<T> => ({
    value: base,
    preset: known ? preset : fallback,
    issues,
  });

  const version = single("v");
  if (entries.length > 0 && version !== String(LINK_VERSION)) return plain([versionIssue(version)]);
  if (!known)
    return plain([`preset: there is no preset "${preset}", only ${Object.keys(presets).join(", ")}`]);
  try {
    const difference = entries.filter(([key]) => key !== "v" && key !== "preset");
    return { value: parse(applyDifference(base, difference)), preset, issues: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return plain(error.issues);
  }
}

function versionIssue(version: string | undefined): string {
  if (version === undefined) return "v: the link does not say which version of links it is (v=1)";
  return Number(version) > LINK_VERSION
    ? `v: the link was made by a newer Couplet (v=${version}); this one reads v=${LINK_VERSION}. Reload the page, or ask for a newer copy`
    : `v: "${version}" is no version of links that this page knows; it reads v=${LINK_VERSION}`;
}

/** Only what would break the link is escaped, so that it stays readable. */
const escape = (text: string): string =>
  encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replaceAll("%2C", ",")
    .replaceAll("%3A", ":")
    .replaceAll("%40", "@")
    .replaceAll("%2F", "/");
