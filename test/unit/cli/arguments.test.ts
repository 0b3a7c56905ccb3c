// The command line — plan
//   help           `help`, `--help`, `-h`, and COMMAND --help for every command: exit 0, the options named
//   unknown        commands (those that every object inherits included), options, an option twice, a value missing or
//                  too many, words missing or too many: exit 2, one sentence and the usage line, no stack
//   optional       --resume alone, before another option, with a value, with =
import { beforeEach, describe, expect, test, vi } from "vitest";
import { COMMANDS } from "../../../src/cli/commands";
import { main } from "../../../src/cli/main";
import { BadUsage, type CommandSpec, parseArguments } from "../../../src/cli/usage";

let out: string[] = [];
let errors: string[] = [];
beforeEach(() => {
  [out, errors] = [[], []];
  vi.spyOn(console, "log").mockImplementation((...parts: unknown[]) => void out.push(parts.join(" ")));
  vi.spyOn(console, "error").mockImplementation((...parts: unknown[]) => void errors.push(parts.join(" ")));
});

describe("help", () => {
  test.each(["help", "--help", "-h"])("%s lists every command", async (word) => {
    expect(await main([word])).toBe(0);
    for (const name of COMMANDS.keys()) expect(out.join("\n")).toContain(`  ${name} `);
    expect(errors).toEqual([]);
  });

  test.each([...COMMANDS])("%s --help names its options and the exit codes", async (name, { options }) => {
    for (const word of ["--help", "-h"]) expect(await main([name, "x", word])).toBe(0);
    for (const option of Object.keys(options)) expect(out.join("\n")).toContain(`--${option}`);
    expect(out.join("\n")).toContain("Exit codes:");
    expect(errors).toEqual([]);
  });
});

test.each(["constructor", "toString", "hasOwnProperty", "__proto__", "valueOf", "fly", ""])(
  "%s is no command",
  async (name) => {
    expect(await main([name])).toBe(2);
    expect(errors.join("\n")).toContain(`There is no command "${name}".`);
    expect(errors.join("\n")).not.toMatch(/\n\s+at /);
  },
);

const SPEC: CommandSpec = {
  usage: "FILE [--out DIR] [--resume [FILE]] [--fast]",
  summary: "",
  words: [1, 1],
  options: {
    out: { kind: "value", help: "" },
    resume: { kind: "optional", help: "" },
    fast: { kind: "flag", help: "" },
  },
};
const parse = (...argv: string[]) => {
  const { positional, options } = parseArguments("try", SPEC, argv);
  return { positional, ...Object.fromEntries(options) };
};

test.each<[string[], Record<string, unknown>]>([
  [["f", "--out", "d"], { positional: ["f"], out: "d" }],
  [["--out=d", "f"], { positional: ["f"], out: "d" }],
  [["f", "--resume"], { positional: ["f"], resume: "" }],
  [["f", "--resume", "--fast"], { positional: ["f"], resume: "", fast: "" }],
  [["f", "--resume", "c", "--fast"], { positional: ["f"], resume: "c", fast: "" }],
  [["f", "--resume=c"], { positional: ["f"], resume: "c" }],
  [["--", "--out"], { positional: ["--out"] }],
  [["f", "--out", "-"], { positional: ["f"], out: "-" }],
])("%j", (argv, want) => expect(parse(...argv)).toEqual(want));

test.each<[string[], RegExp]>([
  [["f", "--slow"], /no option --slow, only --out, --resume, --fast\.\nUsage: couplet try FILE/],
  [["f", "--constructor", "x"], /no option --constructor/],
  [["f", "--__proto__=x"], /no option --__proto__/],
  [["f", "-x"], /no option -x/],
  [["f", "--out", "a", "--out", "b"], /--out is given twice/],
  [["f", "--fast", "--fast"], /--fast is given twice/],
  [["f", "--out"], /--out needs a value/],
  [["f", "--out="], /--out needs a value/],
  [["f", "--out", "--fast"], /--out needs a value, got the option --fast/],
  [["f", "--fast=yes"], /--fast takes no value, got "yes"/],
  [[], /^Usage: couplet try FILE/],
  [["f", "g"], /^Usage: couplet try FILE/],
])("%j is refused", (argv, message) => {
  expect(() => parse(...argv)).toThrow(BadUsage);
  expect(() => parse(...argv)).toThrow(message);
});
