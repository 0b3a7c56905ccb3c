import { useCallback, useRef, type ReactNode } from "react";

export type Mark = "solid" | "thick" | "dotted" | "dashed" | "dash-dot" | "point";

export interface LegendItem {
  readonly key: string;
  readonly name: string;
  /** Name of a colour token. */
  readonly color: string;
  readonly mark: Mark;
  /** What stands before it: "=" and "+" make the sum visible. */
  readonly sign?: string;
}

/** Values change with every frame, so they are written into the document and not rendered. */
export type WriteValues = (values: Readonly<Record<string, string>>) => void;

export function useLegend(items: readonly LegendItem[], tail?: ReactNode): [ReactNode, WriteValues] {
  const list = useRef<HTMLUListElement>(null);
  const write = useCallback<WriteValues>((values) => {
    for (const node of list.current?.querySelectorAll<HTMLElement>("[data-value]") ?? []) {
      const text = values[node.dataset["value"] ?? ""] ?? "";
      if (node.textContent !== text) node.textContent = text;
    }
  }, []);
  const legend = (
    <ul ref={list} className="legend">
      {items.map(({ key, name, color, mark, sign }) => (
        <li key={key}>
          {sign && <span className="muted sign">{sign}</span>}
          <span className={`mark mark-${mark}`} style={{ color: `var(--${color})` }} aria-hidden="true" />
          <span>{name}</span> <output data-value={key} />
        </li>
      ))}
      {tail}
    </ul>
  );
  return [legend, write];
}
