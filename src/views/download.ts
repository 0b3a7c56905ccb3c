import { bytes } from "./format";
import { messages } from "./messages";
import { say } from "./shell/toast";

/** Hands a file to the browser's downloads. */
export function download(name: string, content: Blob): void {
  say(messages.save.saved(name, bytes(content.size)));
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the download has started long before
}

/** No side longer than this: beyond it browsers give up on a canvas, some of them silently. */
const MOST_PX = 8192;

/**
 * A picture as twice its size in pixels.
 *
 * @throws Error when the browser cannot draw it.
 */
export async function svgToPng(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const scale = Math.min(2, MOST_PX / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (blob) return blob;
    throw new Error(
      `the browser cannot draw ${canvas.width} × ${canvas.height} pixels; SVG has no such limit`,
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** What spreadsheets take for the beginning of a formula (the wide forms too, in some languages), or skip to one. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const PLAIN_NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Rows of text as CSV: quotes around what needs them. Tokens and names come from strangers' files, so a text that a
 * spreadsheet would compute is written with an apostrophe in front, as spreadsheets mark text; see `jsonLines` for
 * the exact texts.
 */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) => {
    const plain = typeof value === "number" || PLAIN_NUMBER.test(value) || !FORMULA.test(value);
    const text = plain ? String(value) : `'${value}`;
    return /[",;\t\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; // ";" and tab separate in some settings
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

/** The same rows, the first of which are headings, as a JSON object a line, every text as it is. */
export function jsonLines([head = [], ...rows]: readonly (readonly (string | number)[])[]): string {
  const names = head.map(String);
  return rows
    .map(
      (row) =>
        `${JSON.stringify(Object.fromEntries(row.map((value, i) => [names[i] ?? String(i), value])))}\n`,
    )
    .join("");
}
