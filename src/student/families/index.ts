// The families that the engine trains: one small file each.
import type { StudentConfig } from "../../models";
import { gemma3 } from "./gemma3";
import { gpt2 } from "./gpt2";
import { gptNeox } from "./gpt-neox";
import { llama } from "./llama";
import type { Network } from "./network";

export type { Attend, Forward, Network, Place } from "./network";

export function networkOf(config: StudentConfig): Network {
  switch (config.modelType) {
    case "llama":
    case "qwen2":
    case "qwen3":
      return llama(config);
    case "gpt2":
      return gpt2(config);
    case "gpt_neox":
      return gptNeox(config);
    case "gemma3_text":
      return gemma3(config);
  }
}
