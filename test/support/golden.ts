// The student goldens of reference/goldens, decoded.
import { readFileSync } from "node:fs";
import { type NamedTensor, parseModelConfig, type StudentConfig } from "../../src/models";
import { NO_ROW } from "../../src/student";

export interface Encoded {
  readonly shape: number[];
  readonly data: string;
}

export interface StudentGolden {
  /** config.json as Hugging Face saves it. */
  readonly config: Record<string, unknown>;
  readonly optimizer: {
    lr: number;
    betas: [number, number];
    eps: number;
    weight_decay: number;
    clip: number;
  };
  readonly batch: { rows: number; length: number; ids: number[]; labels: number[] };
  readonly weights: Record<string, Encoded>;
}

export const readGolden = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../fixtures/student/${name}.json`, import.meta.url), "utf8")) as T;

export const floatsOf = (base64: string): Float32Array => {
  const bytes = Buffer.from(base64, "base64");
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

export const tensorsOf = (encoded: Record<string, Encoded>): Map<string, NamedTensor> =>
  new Map(Object.entries(encoded).map(([name, { shape, data }]) => [name, { shape, data: floatsOf(data) }]));

export const configOf = ({ config }: StudentGolden): StudentConfig => parseModelConfig(config);

export const goldenBatch = ({ batch }: StudentGolden) => ({
  ids: Uint32Array.from(batch.ids),
  labels: Uint32Array.from(batch.labels, (label) => (label < 0 ? NO_ROW : label)),
});
