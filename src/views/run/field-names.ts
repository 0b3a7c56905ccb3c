// What a setting is called: by its whole path, else by its last part, else by its own name in the config.
import { messages } from "../messages";

const { fields, hints } = messages.settings;

export const fieldName = (path: string): string =>
  fields[path] ?? fields[lastOf(path)] ?? spaced(lastOf(path));

export const fieldHint = (path: string): string => hints[path] ?? hints[lastOf(path)] ?? "";

const lastOf = (path: string): string => path.split(".").at(-1) ?? path;

/** "maxPrompt" → "Max prompt". */
const spaced = (name: string): string => {
  const words = name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
};
