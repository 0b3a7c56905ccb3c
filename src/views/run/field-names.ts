// What a setting is called: by its whole path, else by its last part, else by its own name in the config.
import { messages } from "../messages";

const { fields, hints, options } = messages.settings;

export const fieldName = (path: string): string =>
  fields[path] ?? fields[lastOf(path)] ?? spaced(lastOf(path));

export const fieldHint = (path: string): string => hints[path] ?? hints[lastOf(path)] ?? "";

const lastOf = (path: string): string => path.split(".").at(-1) ?? path;

/** "maxPrompt" → "Max prompt". */
const spaced = (name: string): string => {
  const words = name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** What a choice is called: by its setting where several have one of that name. */
export const optionName = (path: string, value: string): string =>
  path === "method.id" ? methodName(value) : (options[`${path} ${value}`] ?? options[value] ?? value);

/** A method in a word, as papers name it. */
export const methodName = (id: string): string => METHOD_NAMES[id] ?? (options[id] ?? id).replace(/:.*$/, "");

const METHOD_NAMES: Readonly<Record<string, string>> = {
  gold: "GOLD",
  alm: "ALM",
  multilevel: "MultiLevelOT",
  shared_vocabulary: "shared-vocabulary KL",
};
