// What a run says of itself: models, rows, memory.
import type { PreparedRow } from "../data";
import type { RunFacts } from "../telemetry";
import { RunError } from "./failure";
import type { Loaded } from "./loaded";

/** The student's own parameters, adapters not counted. */
const plainCount = ({ model: { lora, store } }: Loaded): number =>
  store.count("student") - (lora ? store.trainableCount - store.count("projector") : 0);

export function runFacts(
  loaded: Loaded,
  memory: Readonly<Record<string, number>>,
  cacheBytes: number,
): RunFacts {
  const { model, teacher, teacherWeights, train, heldOut, dropped, logitsGap, tokenizer } = loaded;
  const { config, store } = model;
  return {
    ...(loaded.taught && {
      teacher: { hiddenSize: teacher.config.hiddenSize, vocabSize: teacher.tokenizer.vocabSize },
    }),
    student: {
      parameters: plainCount(loaded),
      trainable: store.trainableCount - store.count("projector"),
      hiddenSize: config.hiddenSize,
      layers: config.layers,
      vocabSize: tokenizer.vocabSize,
    },
    rows: train.length,
    heldOut: heldOut.length,
    ...(loaded.coverage && { coverage: loaded.coverage }),
    dropped,
    reading: loaded.reading,
    notes: loaded.notes,
    probes: heldOut.map(({ row }) => row.prompt),
    memory: {
      ...memory,
      parameterBytes: store.bytes,
      teacherCacheBytes: cacheBytes,
      ...(teacherWeights.bytes > 0 && { teacherWeightBytes: teacherWeights.bytes }),
    },
    plan: { ...loaded.plan.memory, changes: [] },
    logitsGap,
  };
}

/** @throws RunError `no-rows` */
export function heldOutRow({ heldOut }: Loaded, index: number): PreparedRow {
  const row = heldOut[Math.min(index, heldOut.length - 1)];
  if (row) return row;
  throw new RunError(
    "no-rows",
    "There is no held-out row to show.",
    "The data set has no usable held-out rows.",
    "Add rows whose prompt and response fit the maximum length.",
  );
}
