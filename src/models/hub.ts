// The one owner of transformers.js and its global `env`. It loads the library on first use, forbids it every request
// and every cache (ModelFiles does the reading), and takes the ONNX Runtime that the library carries.

import type * as Library from "@huggingface/transformers";

import { ModelError } from "./errors";
import { messageOf } from "../base/errors";
import { FLOAT } from "./onnx/wire";
import { modelProto, nodeProto, valueInfo } from "./onnx/write";

export type Transformers = typeof Library;

/** "cpu" is ONNX Runtime's native backend in Node; the browser's counterpart is "wasm". Each stands for the other. */
export type Device = "wasm" | "webgpu" | "cpu";

/** What we use of onnxruntime-common, which we reach only through transformers.js. */
export interface OrtTensor {
  readonly dims: readonly number[];
  readonly type: string;
  /** Of tensors in the CPU's memory. */
  readonly data: unknown;
  readonly location?: string;
  /** Of tensors that are on the GPU. */
  readonly gpuBuffer?: GPUBuffer;
  /** Brings it to the CPU. */
  getData?(): Promise<unknown>;
  dispose(): void;
}

export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Copies out only the outputs named in `fetches`, or all of them. */
  run(feeds: Record<string, OrtTensor>, fetches?: readonly string[]): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

interface SessionFactory {
  create(model: Uint8Array, options: Record<string, unknown>): Promise<OrtSession>;
}

let library: Promise<Transformers> | undefined;
let factory: Promise<SessionFactory> | undefined;
let queue: Promise<unknown> = Promise.resolve();

export function transformers(): Promise<Transformers> {
  library ??= import("@huggingface/transformers").then(lockDown);
  return library;
}

/**
 * One ONNX Runtime call at a time: its web build refuses to start a session or a run while another is under way.
 * A failed task leaves the queue usable (transformers.js' own queue stays rejected for ever, so we avoid it).
 */
export function exclusively<T>(task: () => Promise<T>): Promise<T> {
  const result = queue.then(task);
  queue = result.catch(() => undefined);
  return result;
}

export interface SessionSettings {
  readonly device: Device;
  /**
   * With "webgpu": the device to run on. ONNX Runtime does not own it then, and leaves it alone when a session ends; after
   * a loss, sessions open on the next one.
   */
  readonly gpu?: GPUDevice | undefined;
  /** Outputs that stay on the GPU. */
  readonly gpuOutputs?: readonly string[];
}

export async function createSession(
  model: Uint8Array,
  { device, gpu, gpuOutputs = [] }: SessionSettings,
): Promise<OrtSession> {
  factory ??= takeSessionFactory(await transformers()).catch((error: unknown) => {
    factory = undefined; // the next model may try again
    throw error;
  });
  const { create } = await factory;
  const onGpu = device === "webgpu" && gpuOutputs.length > 0;
  const options = {
    executionProviders: [device === "webgpu" && gpu ? { name: "webgpu", device: gpu } : provider(device)],
    logSeverityLevel: 3, // errors only: a fallback of one operator to the CPU is not news
    ...(onGpu && {
      preferredOutputLocation: Object.fromEntries(gpuOutputs.map((name) => [name, "gpu-buffer"])),
    }),
  };
  return exclusively(() => create(model, options));
}

const isNode = typeof process !== "undefined" && process.release?.name === "node";

export function provider(device: Device): string {
  if (device === "webgpu") return device;
  return isNode ? "cpu" : "wasm";
}

/** No remote hosts, no CDN, no caches: the only bytes that reach transformers.js are those we hand it. */
function lockDown(module: Transformers): Transformers {
  const { env } = module;
  env.allowRemoteModels = false;
  env.allowLocalModels = true; // must not be false together with allowRemoteModels
  env.useFS = false;
  env.useFSCache = false;
  env.useBrowserCache = false;
  env.useWasmCache = false;
  env.useCustomCache = true;
  env.customCache = { match: async (key) => bootFile(key), put: async () => undefined };
  env.fetch = async () => new Response(null, { status: 404 });
  const wasm = env.backends.onnx.wasm;
  if (wasm) {
    // Importing the library points this at a CDN; without it, the runtime uses the file our bundler emitted.
    delete wasm.wasmPaths;
    // Threads need isolation headers that static hosts lack, and gained nothing on 2 cores (8×96 tokens, 0.8M weights).
    wasm.numThreads = 1;
  }
  return module;
}

const BOOT_ID = "couplet/boot";
const BOOT_FILE = "boot";

/**
 * transformers.js does not export its InferenceSession, but every model it loads holds one. So it is given a
 * one-node model, and the class is taken from there. Sessions made with the class can be retried after a failure,
 * take only the outputs we name, and never ask for files.
 */
async function takeSessionFactory({
  LlamaForCausalLM,
  PretrainedConfig,
}: Transformers): Promise<SessionFactory> {
  const config = new PretrainedConfig({ model_type: "llama" });
  const options = {
    config,
    dtype: "fp32",
    device: isNode ? "cpu" : "wasm",
    model_file_name: BOOT_FILE,
  } as const;
  const model = await exclusively(() => LlamaForCausalLM.from_pretrained(BOOT_ID, options)).catch(
    (error: unknown) => {
      throw new ModelError("unsupported", `ONNX Runtime did not start here: ${messageOf(error)}`, {
        cause: error,
      });
    },
  );
  const session: unknown = model.sessions["model"];
  const found: unknown = typeof session === "object" && session !== null ? session.constructor : undefined;
  await model.dispose();
  if (!isFactory(found)) {
    throw new Error(
      "transformers.js no longer keeps an InferenceSession in model.sessions; adapt src/models/hub.ts",
    );
  }
  return { create: (bytes, settings) => found.create(bytes, settings) };
}

const isFactory = (value: unknown): value is SessionFactory =>
  typeof value === "function" && "create" in value && typeof value.create === "function";

function bootFile(key: string): Response | undefined {
  if (!key.includes(BOOT_ID) || !key.endsWith(`${BOOT_FILE}.onnx`)) return undefined;
  const graph = {
    nodes: [nodeProto({ op: "Identity", name: "boot", inputs: ["x"], outputs: ["y"] })],
    initializers: [],
    inputs: [valueInfo("x", FLOAT, [1])],
    outputs: [valueInfo("y", FLOAT, [1])],
  };
  const bytes = modelProto("boot", graph);
  return new Response(new Uint8Array(bytes), { headers: { "content-length": String(bytes.length) } });
}
