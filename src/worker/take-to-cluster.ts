// A run as the zip that PyTorch takes to a cluster. The Python files come with the chunk that this loads when it is first asked.
import { DataError } from "../data";
import type { RunConfig } from "../config/run";
import type { Gpu } from "../gpu/device";
import { ModelError } from "../models";
import { type Run, RunError, type RunSources, sameRun } from "../trainer";
import type { Event } from "./protocol";

/** Larger weights stay where they are, and the README says what to copy. */
const MOST_MODEL_BYTES = 64 * 2 ** 20;

export interface ClusterAsk {
  readonly config: RunConfig;
  sources(): Promise<RunSources>;
  /** The loaded run: its first steps go along where it is this one. */
  readonly run: Run | undefined;
  readonly gpu: Pick<Gpu, "adapter"> | undefined;
  readonly zip: (folder: ReadonlyMap<string, Uint8Array>) => Uint8Array;
}

/** The zip, or why there is none: nothing that fails here touches the loaded run. */
export async function takeToCluster({ config, sources, run, gpu, zip }: ClusterAsk): Promise<Event> {
  try {
    const { clusterFiles } = await import("../cluster");
    const same = run && sameRun(run.config, config) ? run : undefined;
    const adapter = gpu?.adapter.description || "a browser's GPU";
    const first = same && { steps: same.firstSteps(), adapter, train: same.rows() };
    const files = await clusterFiles(config, await sources(), { mostModelBytes: MOST_MODEL_BYTES, first });
    return { type: "exported", name: `couplet-cluster-${config.method.id}.zip`, zip: zip(files) };
  } catch (error) {
    if (!(error instanceof DataError || error instanceof ModelError || error instanceof RunError))
      throw error;
    return { type: "export-refused", why: error.message };
  }
}
