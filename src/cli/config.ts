// `couplet config [PRESET]`: a complete run config, to be edited.
import { OK } from "./exit-codes";
import { presetConfig } from "./sources";
import type { Arguments } from "./usage";

export async function configCommand({ positional: [preset = "first-light"] }: Arguments): Promise<number> {
  console.log(JSON.stringify(presetConfig(preset), null, 2));
  return OK;
}
