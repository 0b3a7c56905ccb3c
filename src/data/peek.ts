// The first records of a file as they are, before any column is given a meaning.

import { createRecordReader, type DataKind, type DataRecord, kindOf } from "./records";

export interface Peek {
  readonly kind: DataKind;
  readonly columns: readonly string[];
  /** As text, cut short. */
  readonly samples: readonly Readonly<Record<string, string>>[];
}

const HEAD_BYTES = 256 * 1024;
/** A JSON list can only be read whole; beyond this its columns are not shown. */
const MOST_JSON_BYTES = 256e6;
const RECORDS = 20;
const SAMPLES = 3;
const SAMPLE_LENGTH = 240;

export async function peek(file: Blob, name: string, given?: DataKind): Promise<Peek> {
  const head = await file.slice(0, HEAD_BYTES).text();
  const kind = given ?? kindOf(name, head);
  const records: DataRecord[] = [];
  const reader = createRecordReader(kind, {
    record: (record) => void (records.length < RECORDS && records.push(record)),
    problem: () => undefined,
  });
  const whole = file.size <= HEAD_BYTES;
  try {
    if (kind === "json" && file.size <= MOST_JSON_BYTES) {
      reader.push(await file.text());
      reader.end();
    } else if (kind !== "json") {
      reader.push(head);
      if (whole) reader.end(); // else the last record is cut, and none the worse
    }
  } catch {
    // What is wrong with the file as a whole is said by reading it.
  }
  return {
    kind,
    columns: [...new Set(records.flatMap((record) => Object.keys(record)))],
    samples: records.slice(0, SAMPLES).map(asText),
  };
}

const asText = (record: DataRecord): Record<string, string> =>
  Object.fromEntries(
    Object.entries(record).map(([column, value]) => {
      const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
      return [column, text.length > SAMPLE_LENGTH ? `${text.slice(0, SAMPLE_LENGTH)}…` : text];
    }),
  );
