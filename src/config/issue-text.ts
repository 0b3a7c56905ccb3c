// What is wrong with a setting, in words for the person who typed it: the validator's own speak of types.

interface Issue {
  readonly message: string;
  readonly received: string;
  readonly expected?: string | null | undefined;
}

/** "must be a number, got NaN" for "Invalid type: Expected number but received NaN". */
export function issueText({ message, received, expected }: Issue): string {
  const got = received === "undefined" ? "" : `, got ${received}`;
  if (!message.startsWith("Invalid ")) return message.includes("received") ? message : `${message}${got}`;
  if (message.startsWith("Invalid key:"))
    return expected === "never" ? "is not a setting here; check its spelling" : "is missing";
  if (message.startsWith("Invalid finite:")) return `must be a finite number${got}`;
  if (received === "undefined") return "is missing";
  if (received === "NaN") return "must be a number";
  return `must be ${wanted(expected ?? "")}${got}`;
}

const KINDS: Readonly<Record<string, string>> = {
  number: "a number",
  string: "a text",
  boolean: "true or false",
  Array: "a list",
  Object: "a group of settings",
};

/** '("sft" | "kd" | "uld")' → "one of sft, kd, uld". */
function wanted(expected: string): string {
  const known = KINDS[expected];
  if (known) return known;
  const options = [...expected.matchAll(/"([^"]*)"/g)].map(([, option]) => option);
  if (options.length > 1) return `one of ${options.join(", ")}`;
  return options.length === 1 ? `“${options[0]}”` : expected;
}
