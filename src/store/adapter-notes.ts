// What an adapter lacks, though it works: told once, because it decides which models fit.
import type { AdapterFacts } from "../client";

/** WebGPU's guaranteed minimum of what the kernels need: below it nothing here would run. */
export const NEEDED_LIMITS: Readonly<Record<string, number>> = {
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  maxStorageBufferBindingSize: 134_217_728,
  maxBufferSize: 268_435_456,
};

/** Students that people train, by their largest tensor: the token table, vocabulary × width in float32. */
const STUDENTS: readonly { readonly name: string; readonly bytes: number }[] = [
  { name: "the bundled students", bytes: 1 << 20 },
  { name: "SmolLM2-135M", bytes: 49_152 * 576 * 4 },
  { name: "GPT-2", bytes: 50_257 * 768 * 4 },
  { name: "TinyLlama-1.1B", bytes: 32_000 * 2048 * 4 },
  { name: "Qwen2.5-0.5B", bytes: 151_936 * 896 * 4 },
];

interface LowLimit {
  readonly name: string;
  readonly here: number;
  readonly needed: number;
}

export type AdapterNote =
  | { readonly kind: "no-f16" }
  | {
      readonly kind: "low-limits";
      readonly limits: readonly LowLimit[];
      /** Students whose every tensor can be bound; none when the kernels themselves do not run. */
      readonly fit: readonly string[];
      readonly tooLarge: readonly string[];
    };

export function adapterNotes({ features, limits }: AdapterFacts): AdapterNote[] {
  const notes: AdapterNote[] = [];
  const low = lowLimits(limits);
  if (low) notes.push(low);
  if (!features.includes("shader-f16")) notes.push({ kind: "no-f16" });
  return notes;
}

function lowLimits(limits: AdapterFacts["limits"]): Extract<AdapterNote, { kind: "low-limits" }> | undefined {
  const below = Object.entries(NEEDED_LIMITS).flatMap(([name, needed]) => {
    const here = limits[name];
    return here !== undefined && here < needed ? [{ name, here, needed }] : [];
  });
  const sizes = ["maxStorageBufferBindingSize", "maxBufferSize"] as const;
  const most = Math.min(...sizes.map((name) => limits[name] ?? Infinity));
  const runs = below.every(({ name }) => sizes.some((size) => size === name));
  const fits = (bytes: number) => runs && bytes <= most;
  const names = (wanted: boolean) =>
    STUDENTS.filter(({ bytes }) => fits(bytes) === wanted).map(({ name }) => name);
  const tooLarge = names(false);
  if (tooLarge.length === 0) return undefined;
  const tight = sizes.find((name) => limits[name] === most) ?? sizes[0];
  const largest = Math.max(...STUDENTS.map(({ bytes }) => bytes));
  return {
    kind: "low-limits",
    limits: below.length > 0 ? below : [{ name: tight, here: most, needed: largest }],
    fit: names(true),
    tooLarge,
  };
}
