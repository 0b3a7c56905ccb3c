// Columns of numbers that grow with a run: appended often, read on redraw. No React, no copies per step.

/** Rows of equally many numbers, stored by column; memory doubles as it fills. */
export interface Series {
  readonly columns: readonly string[];
  readonly length: number;
  push(row: Readonly<Record<string, number>>): void;
  /** A view of the filled part of a column; valid until the next push. */
  column(name: string): Float64Array;
  clear(): void;
}

export function createSeries(columns: readonly string[], initialCapacity = 256): Series {
  let capacity = initialCapacity;
  let length = 0;
  let data = new Map(columns.map((name) => [name, new Float64Array(capacity)]));

  const grow = () => {
    capacity *= 2;
    data = new Map(
      [...data].map(([name, old]) => {
        const wider = new Float64Array(capacity);
        wider.set(old);
        return [name, wider];
      }),
    );
  };

  return {
    columns,
    get length() {
      return length;
    },
    push(row) {
      if (length === capacity) grow();
      for (const [name, values] of data) values[length] = row[name] ?? NaN;
      length++;
    },
    column(name) {
      const values = data.get(name);
      if (!values) throw new Error(`Series has no column "${name}", only ${columns.join(", ")}`);
      return values.subarray(0, length);
    },
    clear() {
      length = 0;
    },
  };
}
