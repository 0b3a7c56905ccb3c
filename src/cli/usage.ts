// The command line: each command's words, options and help in one table, read by node:util's parseArgs.
import { parseArgs } from "node:util";

/** The command line itself is wrong: say what was expected. */
export class BadUsage extends Error {
  override name = "BadUsage";
}

/** `optional`: the option may stand without a value, which is then the empty text. */
type OptionKind = "value" | "optional" | "flag";

export interface CommandSpec {
  /** Words after the command's name, as the usage line shows them. */
  readonly usage: string;
  readonly summary: string;
  /** How many words that are not options it takes, at least and at most. */
  readonly words: readonly [number, number];
  readonly options: Readonly<Record<string, { readonly kind: OptionKind; readonly help: string }>>;
  /** What else `COMMAND --help` says. */
  readonly notes?: string;
}

export interface Arguments {
  readonly positional: readonly string[];
  /** Only the options that were given; a flag's value is the empty text. */
  readonly options: ReadonlyMap<string, string>;
}

export const asksForHelp = (argv: readonly string[]): boolean =>
  argv.some((w) => w === "--help" || w === "-h");

/** @throws BadUsage for an unknown option, one without its value or given twice, or too few or too many words. */
export function parseArguments(name: string, spec: CommandSpec, argv: readonly string[]): Arguments {
  const usage = `Usage: couplet ${name} ${spec.usage}`;
  const entries = Object.entries(spec.options);
  const names = entries.map(([option]) => `--${option}`).join(", ") || "none";
  const { tokens } = parseArgs({
    args: withEmptyValues(spec, argv),
    options: Object.fromEntries(
      entries.map(
        ([option, { kind }]) => [option, { type: kind === "flag" ? "boolean" : "string" }] as const,
      ),
    ),
    strict: false, // so that every complaint below is in our words
    allowPositionals: true,
    tokens: true,
  });
  const positional: string[] = [];
  const options = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "positional") positional.push(token.value);
    if (token.kind !== "option") continue;
    const kind = Object.hasOwn(spec.options, token.name) ? spec.options[token.name]?.kind : undefined;
    if (kind === undefined)
      throw new BadUsage(`There is no option ${token.rawName}, only ${names}.\n${usage}`);
    if (options.has(token.name)) throw new BadUsage(`--${token.name} is given twice.\n${usage}`);
    if (kind === "flag" && token.value !== undefined)
      throw new BadUsage(`--${token.name} takes no value, got "${token.value}".\n${usage}`);
    if (kind === "value" && (token.value === undefined || token.value === ""))
      throw new BadUsage(`--${token.name} needs a value.\n${usage}`);
    if (kind === "value" && !token.inlineValue && token.value?.startsWith("--"))
      throw new BadUsage(`--${token.name} needs a value, got the option ${token.value}.\n${usage}`);
    options.set(token.name, token.value ?? "");
  }
  const [least, most] = spec.words;
  if (positional.length < least || positional.length > most) throw new BadUsage(usage);
  return { positional, options };
}

/** `--resume` before another option or at the end stands for `--resume=`. */
function withEmptyValues(spec: CommandSpec, argv: readonly string[]): string[] {
  const optional = new Set(
    Object.entries(spec.options).flatMap(([option, { kind }]) =>
      kind === "optional" ? [`--${option}`] : [],
    ),
  );
  return argv.map((word, i) => {
    const next = argv[i + 1];
    return optional.has(word) && (next === undefined || next.startsWith("-")) ? `${word}=` : word;
  });
}

/** What `couplet COMMAND --help` prints. */
export function helpOf(name: string, spec: CommandSpec): string {
  const rows = [
    ...Object.entries(spec.options).map(([option, { kind, help }]) => [
      `  --${option}${kind === "value" ? " …" : kind === "optional" ? " […]" : ""}`,
      help,
    ]),
    ["  --help", "this text"],
  ] as const;
  const width = Math.max(...rows.map(([option = ""]) => option.length)) + 3;
  return [
    `couplet ${name} ${spec.usage}`,
    "",
    `  ${spec.summary}`,
    "",
    ...rows.map(([option = "", help = ""]) => option.padEnd(width) + help),
    ...(spec.notes === undefined ? [] : ["", spec.notes]),
    "",
    EXIT_CODES,
  ].join("\n");
}

export const EXIT_CODES =
  "Exit codes: 0 done · 1 a defect of Couplet · 2 wrong command line, input or output folder · 3 does not fit or cannot run,\n" +
  "with what was done until then kept · 130 or 143 stopped by SIGINT or SIGTERM.";
