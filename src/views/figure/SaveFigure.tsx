import { messageOf } from "../../base/errors";
import { useState } from "react";
import { csv, download, jsonLines, svgToPng } from "../download";
import { messages } from "../messages";

const { save: text } = messages;

/** A figure that can leave the page: its picture for papers, and the numbers that it was drawn from. */
export interface Figure {
  /** Of the files, without an ending. */
  readonly name: string;
  svg(): string;
  /** With a row of headings. */
  rows(): readonly (readonly (string | number)[])[];
}

interface SaveProps {
  /** What is saved, for those who do not see where the buttons stand. */
  readonly of: string;
  /** Before the buttons, where there are several groups of them. */
  readonly title?: string;
  /** Made when a button is pressed, from what is then shown; undefined: there is nothing yet. */
  readonly figure: () => Figure | undefined;
}

const FORMS = {
  PNG: async ({ svg }: Figure) => svgToPng(svg()),
  SVG: async ({ svg }: Figure) => new Blob([svg()], { type: "image/svg+xml" }),
  CSV: async ({ rows }: Figure) => new Blob([csv(rows())], { type: "text/csv" }),
  JSONL: async ({ rows }: Figure) => new Blob([jsonLines(rows())], { type: "application/jsonl" }),
} as const;
const KINDS = Object.keys(FORMS) as (keyof typeof FORMS)[]; // keys of a const object

/** A figure as picture, as vector picture and as table. */
export function SaveFigure({ of, figure, title = text.title }: SaveProps) {
  const [note, setNote] = useState("");
  const save = async (kind: keyof typeof FORMS) => {
    const made = figure();
    if (!made) return setNote(text.nothing);
    try {
      download(`${made.name}.${kind.toLowerCase()}`, await FORMS[kind](made));
      setNote("");
    } catch (error) {
      setNote(text.failed(kind, messageOf(error)));
    }
  };
  return (
    <div className="save-figure" role="group" aria-label={text.label(of)}>
      <span className="muted" aria-hidden="true">
        {title}
      </span>
      {KINDS.map((kind) => (
        <button key={kind} type="button" className="quiet" onClick={() => void save(kind)}>
          {kind}
        </button>
      ))}
      <span role="status" className="muted">
        {note}
      </span>
    </div>
  );
}
