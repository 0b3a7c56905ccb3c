// How a model's name in a config is shown: short enough for a line, and still telling two revisions apart.
import { messages } from "../messages";

const SHORT = 8;

/** "hub:owner/name@0123456789abcdef#q4" → "owner/name @01234567 q4". */
export function modelTitle(name: string): string {
  const known = messages.settings.options[name];
  if (known !== undefined) return known;
  const [key = "", dtype] = name.split("#");
  const at = key.lastIndexOf("@");
  const plain = (at > 0 ? key.slice(0, at) : key).replace(/^(hub|local|own):(\/\/)?/, "");
  const mark = at > 0 ? ` @${key.slice(at + 1, at + 1 + SHORT)}` : "";
  return `${plain}${mark}${dtype === undefined ? "" : ` ${dtype}`}`;
}
