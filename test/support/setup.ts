// Node 20 has no `navigator`; Dawn's constants (GPUBufferUsage, …) must be globals before any kernel code runs.
import { tmpdir } from "node:os";
import { globals } from "webgpu";

process.env.XDG_RUNTIME_DIR ??= tmpdir(); // the Vulkan loader complains without it
Object.assign(globalThis, globals);
