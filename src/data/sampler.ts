// Which rows come next: seeded shuffles, every row once per epoch. The stream of epochs is cut into batches of one
// size, so a batch may span two epochs (and, if the data set is smaller than a batch, hold a row twice).

import { createRng, deriveSeed } from "../config/rng";

export interface SamplerState {
  readonly seed: number;
  readonly epoch: number;
  /** Rows of this epoch that are already taken. */
  readonly position: number;
}

export interface Sampler {
  next(): number[];
  state(): SamplerState;
  restore(state: SamplerState): void;
}

export function createSampler(rowCount: number, batchSize: number, seed: number): Sampler {
  if (!(rowCount >= 1 && batchSize >= 1)) {
    throw new RangeError(`a sampler needs rows and a batch size from 1, got ${rowCount} and ${batchSize}`);
  }
  let state: SamplerState = { seed, epoch: 0, position: 0 };
  let order = shuffled(rowCount, state);
  return {
    next() {
      const batch: number[] = [];
      while (batch.length < batchSize) {
        if (state.position === rowCount) {
          state = { ...state, epoch: state.epoch + 1, position: 0 };
          order = shuffled(rowCount, state);
        }
        batch.push(order[state.position] ?? 0);
        state = { ...state, position: state.position + 1 };
      }
      return batch;
    },
    state: () => state,
    restore(saved) {
      if (!(saved.position >= 0 && saved.position <= rowCount)) {
        throw new RangeError(
          `the saved run was at row ${saved.position} of its epoch; this data set has ${rowCount}`,
        );
      }
      state = { ...saved };
      order = shuffled(rowCount, state);
    },
  };
}

/** Each epoch has its own stream, so that a state is three numbers and not a permutation. */
function shuffled(rowCount: number, { seed, epoch }: SamplerState): Uint32Array {
  const rng = createRng(deriveSeed(seed, `epoch ${epoch}`));
  const order = Uint32Array.from({ length: rowCount }, (_, i) => i);
  for (let i = rowCount - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
  return order;
}
