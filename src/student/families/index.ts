// The families that the engine trains: one small file each.
import { familyOf, type FamilyId, type StudentConfig } from "../../models";
import { gemma3 } from "./gemma3";
import { gpt2 } from "./gpt2";
import { gptNeox } from "./gpt-neox";
import { llama } from "./llama";
import type { Network } from "./network";

export type { Attend, Forward, Network, Place } from "./network";

const NETWORKS = { llama, gpt2, gptNeox, gemma3 } satisfies Record<FamilyId, (config: never) => Network>;

/** The forward pass of a config's family. */
export function networkOf(config: StudentConfig): Network {
  const network = NETWORKS[familyOf(config).id] as (config: StudentConfig) => Network; // its own config, by its id
  return network(config);
}
