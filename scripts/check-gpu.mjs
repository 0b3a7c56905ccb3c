// Exit 0 when Dawn finds a WebGPU adapter here, 1 when it does not. Prints the adapter's name.
import { tmpdir } from "node:os";
import { create, globals } from "webgpu";

process.env.XDG_RUNTIME_DIR ??= tmpdir();
Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter();
process.stdout.write(adapter ? `${adapter.info.description || adapter.info.device}\n` : "no adapter\n");
process.exit(adapter ? 0 : 1);
