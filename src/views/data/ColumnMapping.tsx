import { useId } from "react";
import type { DataFormat, DataKind, Mapping } from "../../store";
import { messages } from "../messages";
import { useDataset, useDataState } from "../use-app";

const { data: text } = messages;
const KINDS = Object.keys(text.kinds) as DataKind[]; // keys of a const object
const TEXT_KINDS = KINDS.filter((kind) => kind !== "parquet"); // which is told by its bytes
const FORMATS = Object.keys(text.formats) as DataFormat[]; // as above
type Column = keyof typeof text.column;
/** The columns that a format leaves to choose; the others have names of their own. */
const CHOSEN: Readonly<Partial<Record<DataFormat, readonly Column[]>>> = {
  alpaca: ["prompt", "context", "output"],
  dolly: ["prompt", "context", "output"],
  gsm8k: ["prompt", "output"],
  chat: ["prompt"],
  columns: ["prompt", "output", "outputCot", "promptCot", "context", "answer", "id", "family"],
};
const NEEDED: readonly Column[] = ["prompt", "output"];

/** What the columns are taken for: the guess, and every way to correct it. */
export function ColumnMapping() {
  const peek = useDataState((state) => state.peek);
  const mapping = useDataState((state) => state.facts?.mapping);
  const parts = useDataState((state) => state.facts?.parts);
  const failed = useDataState((state) => state.problem?.command === "read");
  const dataset = useDataset();
  if (!peek) return null;
  const { kind, columns } = peek;
  const shown = mapping ?? (failed && columns.length > 0 ? blank(columns) : undefined);
  const change = (next: Mapping) => dataset.readAgain({ mapping: next, part: parts?.chosen });
  return (
    <div className="mapping">
      <div className="fields">
        <Choice
          name={text.kind}
          value={kind}
          options={(kind === "parquet" ? [kind] : TEXT_KINDS).map((value) => [value, text.kinds[value]])}
          onChange={(value) => dataset.readAgain({ kind: KINDS.find((known) => known === value) ?? kind })}
        />
        {parts && (
          <Choice
            name={text.part}
            value={parts.chosen}
            options={[
              ...parts.all.map(({ name, rows }) => [name, text.partRows(name, rows)] as const),
              ["all", text.allParts] as const,
            ]}
            onChange={(part) => dataset.readAgain({ part, ...(mapping && { mapping }) })}
          />
        )}
        {shown && (
          <Choice
            name={text.format}
            value={shown.format}
            options={FORMATS.map((value) => [value, text.formats[value]])}
            onChange={(value) =>
              change({ ...shown, format: FORMATS.find((known) => known === value) ?? "columns" })
            }
          />
        )}
        {shown &&
          CHOSEN[shown.format]?.map((column) => (
            <Choice
              key={column}
              name={text.column[column]}
              value={shown[column] ?? ""}
              options={[
                ...(NEEDED.includes(column) ? [] : [["", text.nothing] as const]),
                ...columns.map((option) => [option, option] as const),
              ]}
              onChange={(value) => change(withColumn(shown, column, value))}
            />
          ))}
      </div>
      {mapping && (
        <p className="hint">
          {mapping.format === "columns" ? text.guessed : text.recognized(text.formats[mapping.format])}
        </p>
      )}
      <Sample />
    </div>
  );
}

function Sample() {
  const sample = useDataState((state) => state.peek?.samples[0]);
  if (!sample) return null;
  return (
    <details>
      <summary>{text.firstRecord}</summary>
      <dl className="record">
        {Object.entries(sample).map(([column, value]) => (
          <div key={column}>
            <dt className="mono">{column}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Columns by hand begin with the first two. */
const blank = ([first = "", second = first]: readonly string[]): Mapping => ({
  format: "columns",
  prompt: first,
  output: second,
});

function withColumn(mapping: Mapping, column: Column, value: string): Mapping {
  const { [column]: _, ...rest } = mapping;
  const changed = { ...rest, ...(value !== "" && { [column]: value }) } as Mapping; // prompt and output are never emptied
  return mapping.format === "chat" ? { ...changed, output: value } : changed;
}

interface ChoiceProps {
  readonly name: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, name: string])[];
  readonly onChange: (value: string) => void;
}

function Choice({ name, value, options, onChange }: ChoiceProps) {
  const id = useId();
  return (
    <div className="field field-wide">
      <label htmlFor={id}>{name}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map(([option, title]) => (
          <option key={option} value={option}>
            {title}
          </option>
        ))}
      </select>
    </div>
  );
}
