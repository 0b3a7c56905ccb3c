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

/** Rows of text as CSV: quotes around what needs them. */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number) => {
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}
