// The command line: finds the command and calls it; what goes wrong becomes a line for the person and an exit code.
import { type Command, COMMANDS } from "./commands";
import { OK } from "./exit-codes";
import { explain, refuse } from "./explain";
import { startWatchdog } from "./watchdog";
import { asksForHelp, EXIT_CODES, helpOf, parseArguments } from "./usage";

export async function main(argv: string[]): Promise<number> {
  const [name = "help", ...rest] = argv;
  if (["help", "--help", "-h"].includes(name)) {
    console.log(overview());
    return OK;
  }
  const command = COMMANDS.get(name);
  if (!command) return refuse(`There is no command "${name}".\n\n${overview()}`);
  if (asksForHelp(rest)) {
    console.log(helpOf(name, command));
    return OK;
  }
  startWatchdog();
  try {
    const given = parseArguments(name, command, rest);
    return await (
      await command.load()
    )(given);
  } catch (error) {
    return explain(error);
  }
}

function overview(): string {
  const rows = [...COMMANDS].map(
    ([name, { usage, summary }]: [string, Command]) =>
      `  ${name} ${usage}\n      ${summary.replaceAll("\n", "\n    ")}`,
  );
  return [
    "couplet COMMAND",
    "",
    ...rows,
    "",
    "couplet COMMAND --help lists a command's options.",
    EXIT_CODES,
  ].join("\n");
}
