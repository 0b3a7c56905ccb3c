// The families that the engine trains: one small file each.
import type { StudentConfig } from "../../models";
import { llama } from "./llama";
import type { Network } from "./network";

export type { Attend, Forward, Network, Place } from "./network";

export function networkOf(config: StudentConfig): Network {
  switch (config.modelType) {
    case "llama":
      return llama(config);
  }
}
