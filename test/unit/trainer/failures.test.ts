// What a run does when the GPU fails it — plan
//   out of memory   on loading and on building a step: a named error with what, why, remedy; the run keeps its weights,
//                   and a later step works
//   device lost     device.destroy() while a step runs: named; so is every later call
//   shader          a kernel that does not compile is named, with the compiler's words
//   unsupported     a head size that the kernels cannot take, a parameter beyond the adapter's binding
//   (not finite     run.test.ts and checkpoint.test.ts)
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunConfig } from "../../../src/config/run";
import type { Gpu } from "../../../src/gpu/device";
import { exportStudentFolder, type LlamaConfig, loadStudentWeights, memoryFiles } from "../../../src/models";
import { openRun } from "../../../src/trainer";
import { randomWeights } from "../../oracle/nn-models";
import { bundledSources, SMALL_RUN } from "../../support/bundled";
import { ownGpu, withLimits } from "../../support/gpu";

const SFT: RunConfig = { ...SMALL_RUN, method: { id: "sft" } };

let gpu: Gpu;
beforeEach(async () => {
  gpu = await ownGpu();
});
afterEach(() => {
  vi.restoreAllMocks();
  gpu.destroy();
});

/** The next pops of the two kinds of scope say that there was no memory. */
function noMemory(): void {
  const scopes: string[] = [];
  const { device } = gpu;
  const [push, pop] = [device.pushErrorScope.bind(device), device.popErrorScope.bind(device)];
  vi.spyOn(device, "pushErrorScope").mockImplementation((filter) => {
    scopes.push(filter);
    push(filter);
  });
  vi.spyOn(device, "popErrorScope").mockImplementation(async () => {
    const filter = scopes.pop();
    const error = await pop();
    return filter === "out-of-memory" ? ({ message: "simulated" } as GPUError) : error;
  });
}

const refusal = {
  code: "out-of-memory",
  what: expect.stringMatching(/does not fit into GPU memory/),
  why: expect.stringMatching(/simulated/),
  remedy: expect.stringMatching(/batchSize.*accumulation.*gradientCheckpointing.*lora/),
};

test("out of memory on loading", async () => {
  noMemory();
  await expect(openRun(gpu, SFT, bundledSources())).rejects.toMatchObject(refusal);
});

test("out of memory on building a step: the run goes on when there is memory again", async () => {
  const run = await openRun(gpu, SFT, bundledSources());
  const before = await run.checkpoint();
  noMemory();
  await expect(run.step()).rejects.toMatchObject(refusal);
  vi.restoreAllMocks();
  expect(run.at).toBe(0);
  expect(Buffer.compare(await run.checkpoint(), before)).toBe(0);
  expect((await run.step()).step).toBe(1);
  await run.destroy();
});

test("a device that is destroyed while a step runs", async () => {
  const run = await openRun(gpu, SFT, bundledSources());
  await run.step();
  const running = run.step();
  setTimeout(() => gpu.device.destroy(), 0);
  const lost = {
    code: "device-lost",
    what: expect.stringMatching(/lost after step 1/),
    why: expect.stringMatching(/./),
    remedy: expect.stringMatching(/last checkpoint/),
  };
  await expect(running).rejects.toMatchObject(lost);
  expect(run.at).toBe(1);
  await expect(run.step()).rejects.toMatchObject(lost);
  await expect(run.checkpoint()).rejects.toMatchObject(lost);
  await run.destroy();
});

test("a shader that does not compile", async () => {
  const { device } = gpu;
  const create = device.createShaderModule.bind(device);
  vi.spyOn(device, "createShaderModule").mockImplementation((descriptor) =>
    create(
      descriptor.label === "swiglu"
        ? { ...descriptor, code: `${descriptor.code}\nfn oops() -> f32 { return 1u; }` }
        : descriptor,
    ),
  );
  await expect(openRun(gpu, SFT, bundledSources())).rejects.toMatchObject({
    code: "shader",
    what: expect.stringMatching(/kernel "swiglu"/),
    why: expect.stringMatching(/did not compile:\s+return statement type/),
    remedy: expect.stringMatching(/driver/),
  });
});

test("a head size that the kernels cannot take", async () => {
  const sources = bundledSources();
  const { config } = await loadStudentWeights(sources.student);
  const odd = { ...config, headDim: 6 } as LlamaConfig; // the bundled student is one
  const student = memoryFiles("odd", await exportStudentFolder(odd, randomWeights(odd, 1), sources.student));
  await expect(openRun(gpu, SFT, { ...sources, student })).rejects.toMatchObject({
    code: "unsupported",
    why: expect.stringMatching(/head size that is a multiple of 4.*got 6/),
    remedy: expect.stringMatching(/Choose another student/),
  });
});

test("a parameter beyond what the adapter binds", async () => {
  const limits = { maxStorageBufferBindingSize: 128, maxBufferSize: 128 }; // less than one norm
  await expect(openRun(withLimits(gpu, limits), SFT, bundledSources())).rejects.toMatchObject({
    code: "out-of-memory",
    why: expect.stringMatching(/row of the parameter ".*weight" takes .* binds at most 0\.0 MiB/),
  });
});

test("activations beyond what the adapter binds", async () => {
  const limits = { maxStorageBufferBindingSize: 65536, maxBufferSize: 65536 }; // the table lies in ranges, logits do not
  await expect(openRun(withLimits(gpu, limits), SFT, bundledSources())).rejects.toMatchObject({
    code: "out-of-memory",
    why: expect.stringMatching(/".*" takes .* binds at most 0\.1 MiB/),
  });
});
