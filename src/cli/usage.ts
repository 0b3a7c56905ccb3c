/** The command line itself is wrong: say what was expected. */
export class BadUsage extends Error {
  override name = "BadUsage";
}

export interface Arguments {
  readonly positional: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/**
 * `--name value` pairs, `--flag` words (their value is "yes") and the rest.
 *
 * @throws BadUsage for an unknown option or one without a value.
 */
export function parseArguments(
  argv: readonly string[],
  known: readonly string[],
  flags: readonly string[] = [],
): Arguments {
  const positional: string[] = [];
  const options = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? "";
    if (!word.startsWith("--")) {
      positional.push(word);
      continue;
    }
    const name = word.slice(2);
    if (flags.includes(name)) {
      options.set(name, "yes");
      continue;
    }
    const value = argv[++i];
    if (!known.includes(name))
      throw new BadUsage(
        `There is no option ${word}, only ${[...known, ...flags].map((k) => `--${k}`).join(", ") || "none"}.`,
      );
    if (value === undefined) throw new BadUsage(`${word} needs a value.`);
    options.set(name, value);
  }
  return { positional, options };
}
