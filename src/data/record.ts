// What readers of files give: records, problems and notes.

export type DataRecord = Readonly<Record<string, unknown>>;

/** A list of rows under a name of its own, as the splits of a data set. */
export interface FilePart {
  readonly name: string;
  readonly rows: number;
}

export interface RecordSink {
  /** `place` is a line of the file, or for JSON and Parquet the number of the row; from 1. */
  record(record: DataRecord, place: number): void;
  problem(message: string, place: number): void;
  /** What a person should know about how the file was read. */
  note(text: string): void;
  /** The file has several parts, of which one ("all": every one) was read. */
  parts?(parts: readonly FilePart[], chosen: string): void;
}

export interface RecordReader {
  push(text: string): void;
  /** @throws DataError when the file as a whole is not what it is taken for. */
  end(): void;
}
