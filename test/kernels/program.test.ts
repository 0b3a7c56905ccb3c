// Program — plan
//   replays                  the same recorded dispatches give the same values again, with new inputs
//   scratch is shared        disjoint lifetimes share a slot; overlapping ones never do (property test)
//   nothing allocated in run no buffer, bind group or pipeline is created while running; one submit
//   pieces                   an input of host values and ranges of other buffers, zero behind them also after a longer one
//   progress                 pipelines are counted up to their number, and equal ones are compiled once
//   errors                   wrong binding kind, grid 0, unknown input or output, too much data, foreign tensor, bad WGSL
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { placeScratch } from "../../src/gpu/arena";
import type { Gpu } from "../../src/gpu/device";
import { compileKernel, defineKernel, withConstants } from "../../src/gpu/kernel";
import { f32, packParams, u32 } from "../../src/gpu/params";
import { ProgramBuilder } from "../../src/gpu/program";
import { testGpu } from "../support/gpu";

const axpb = defineKernel({
  entry: "axpb",
  code: [
    /* wgsl */ `
override WG: u32 = 64u;
struct Params { n: u32, a: f32, b: f32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(WG)
fn axpb(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.n) { y[id.x] = params.a * x[id.x] + params.b; }
}`,
  ],
  bindings: { params: "uniform", x: "read", y: "write" },
});

let gpu: Gpu;
beforeAll(async () => {
  gpu = await testGpu();
});

/** y = ((x·2 + 1)·2 + 1)… `depth` times. */
function chain(n: number, depth: number): ProgramBuilder {
  const b = new ProgramBuilder("chain");
  const params = packParams(u32(n), f32(2), f32(1));
  let x = b.input("x", n);
  for (let i = 0; i < depth; i++) {
    const y = b.scratch(`y${i}`, n);
    b.dispatch(axpb, { params, x, y }, [Math.ceil(n / 64)]);
    x = y;
  }
  b.output("y", x);
  return b;
}

describe("Program", () => {
  test("replays the same dispatches over new inputs", async () => {
    const program = await chain(65, 3).build(gpu);
    for (const value of [0, 1, -2.5]) {
      const { y } = await program.run({ x: new Float32Array(65).fill(value) }, { read: ["y"] });
      expect([...y]).toEqual(new Array(65).fill(8 * value + 7));
    }
    program.destroy();
  });

  test("a chain of any length needs two slots", () => {
    const memory = chain(100, 9).memory();
    expect(memory.scratchBytes).toBe(2 * 400);
    expect(memory.scratchUnsharedBytes).toBe(9 * 400);
  });

  test("tensors that live at the same time never share a slot", () => {
    const life = fc.record({ a: fc.nat(20), b: fc.nat(20), bytes: fc.integer({ min: 4, max: 99 }) });
    fc.assert(
      fc.property(fc.array(life, { maxLength: 30 }), (raw) => {
        const lives = raw.map(({ a, b, bytes }) => ({ first: Math.min(a, b), last: Math.max(a, b), bytes }));
        const { slots, slotOf } = placeScratch(lives);
        lives.forEach((x, i) => {
          expect(slots[slotOf[i]!]!).toBeGreaterThanOrEqual(x.bytes);
          lives.forEach((y, j) => {
            if (i < j && slotOf[i] === slotOf[j]) expect(x.last < y.first || y.last < x.first).toBe(true);
          });
        });
      }),
    );
  });

  test("a run allocates nothing and submits once", async () => {
    const program = await chain(8, 4).build(gpu);
    const spies = (["createBuffer", "createBindGroup", "createComputePipelineAsync"] as const).map((name) =>
      vi.spyOn(gpu.device, name),
    );
    const submit = vi.spyOn(gpu.device.queue, "submit");
    await program.run({ x: new Float32Array(8) }, { read: ["y"] });
    await program.run();
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    expect(submit).toHaveBeenCalledTimes(2);
    vi.restoreAllMocks();
    program.destroy();
  });

  test("compilation tells how far it is", async () => {
    const b = chain(8, 3);
    const other = withConstants(axpb, { WG: 32 });
    b.dispatch(
      other,
      { params: packParams(u32(8), f32(1), f32(0)), x: b.scratch("x2", 8), y: b.scratch("y2", 8) },
      [1],
    );
    const seen: string[] = [];
    const program = await b.build(gpu, (done, total) => seen.push(`compiling ${done}/${total}`));
    expect(seen).toEqual(["compiling 1/2", "compiling 2/2"]);
    program.destroy();
  });

  test("an input in pieces", async () => {
    const b = new ProgramBuilder("pieces");
    const x = b.input("x", 8);
    const y = b.scratch("y", 8);
    b.dispatch(axpb, { params: packParams(u32(8), f32(1), f32(0)), x, y }, [1]);
    b.output("y", y);
    const program = await b.build(gpu);
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = gpu.device.createBuffer({ size: 16, usage });
    gpu.device.queue.writeBuffer(buffer, 0, Float32Array.of(5, 6, 7, 8));
    const range = { buffer, offset: 4, bytes: 8 };
    const run = async (...pieces: (Float32Array | typeof range)[]) => [
      ...(await program.run({ x: { pieces } }, { read: ["y"] })).y,
    ];
    expect(await run(Float32Array.of(1, 2), range, Float32Array.of(3), range)).toEqual([
      1, 2, 6, 7, 3, 6, 7, 0,
    ]);
    expect(await run(range)).toEqual([6, 7, 0, 0, 0, 0, 0, 0]);
    expect(await run()).toEqual(Array(8).fill(0));
    await expect(run(new Float32Array(7), range)).rejects.toThrow(/"x" holds 32 bytes, got 36/);
    program.destroy();
    buffer.destroy();
  });

  test("mistakes are named", async () => {
    const b = new ProgramBuilder("bad");
    const x = b.input("x", 4);
    const params = packParams(u32(4), f32(1), f32(0));
    expect(() => b.dispatch(axpb, { params: x, x, y: x }, [1])).toThrow(/binds params as uniform/);
    expect(() => b.dispatch(axpb, { params, x, y: b.scratch("y", 4) }, [0])).toThrow(/grid within/);
    expect(() => b.scratch("z", 0)).toThrow(/"z" needs a positive/);
    expect(() => b.input("x", 4)).toThrow(/already has an input "x"/);
    const foreign = new ProgramBuilder("other").scratch("f", 4);
    b.dispatch(axpb, { params, x, y: foreign }, [1]);
    expect(() => b.memory()).toThrow(/belongs to another program/);
    const program = await chain(4, 1).build(gpu);
    expect(() => program.write({ nope: new Float32Array(1) })).toThrow(/no input "nope"/);
    expect(() => program.write({ x: new Float32Array(99) })).toThrow(/holds 16 bytes, got 396/);
    await expect(program.run({}, { read: ["w"] })).rejects.toThrow(/no output "w"/);
    program.destroy();
  });

  test("a WGSL error quotes its line", async () => {
    const broken = defineKernel({
      entry: "broken",
      code: ["fn broken() { let x: f32 = true; }"],
      bindings: {},
    });
    await expect(compileKernel(gpu.device, broken)).rejects.toThrow(
      /"broken" did not compile[\s\S]*let x: f32 = true/,
    );
  });
});
