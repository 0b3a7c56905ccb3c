// attention, attention_backward_query, attention_backward_key_value and their tiled forms — plan
//   every test below      × {one thread a query; tiles of eight on workgroups of 8 and 32 threads}
//   forward    matches the f64 oracle × (B, T, heads/kv heads, head size) {1·1·1/1·4, 2·7·4/2·8, 1·5·3/1·12, 1·37·2/1·4}
//   window     {1, 3, 40} keys at most, and a factor of its own: forward, cache and backward
//   cache      one query over a cache with its own start per row: keys past the start change nothing
//   large      scores of ±200: weights are nearly one-hot, nothing overflows
//   backward   dq, dk, dv against finite differences of the oracle × the same shapes × accumulate {no, yes}
//   causal     a gradient at the first query reaches no later key; control: one at the last query does
//   refusals   a head size that is no multiple of 4; heads that kv heads do not divide
import { describe, expect, test } from "vitest";
import type { KernelSpec } from "../../src/gpu/kernel";
import { f32, packParams, u32 } from "../../src/gpu/params";
import {
  attentionBackwardKeyValueKernel,
  attentionBackwardQueryKernel,
  attentionGrid,
  attentionKernel,
  attentionTiled,
  attentionTiledKeyValue,
  attentionTiledQuery,
  checkAttentionShape,
} from "../../src/student/ops/attention";
import { attention, type AttentionDims, finiteDifferences, normals } from "../oracle/nn";
import { runKernel } from "../support/gpu";
import { expectGuarded, guarded, GUARD } from "../support/nn-values";

// Guards of 36, since vec4 arrays ignore a last incomplete element.
const TAIL = Math.floor(GUARD / 4) * 4;
const tailed = (values: Float32Array) => guarded(values).subarray(0, values.length + TAIL);

const shape = (batch: number, length: number, heads: number, kvHeads: number, headDim: number) =>
  ({
    batch,
    length,
    keys: length,
    heads,
    kvHeads,
    headDim,
    start: new Array(batch).fill(0),
  }) as AttentionDims;
const shapes = [shape(1, 1, 1, 1, 4), shape(2, 7, 4, 2, 8), shape(1, 5, 3, 1, 12), shape(1, 37, 2, 1, 4)];
const windowed: AttentionDims[] = [
  { ...shape(1, 5, 3, 1, 12), window: 1 },
  { ...shape(2, 37, 2, 1, 4), window: 3, scale: 0.3 },
  { ...shape(1, 7, 4, 2, 8), window: 40, scale: 1.1 },
  { ...shape(1, 45, 1, 1, 4), window: 11 },
];
const label = (s: AttentionDims) =>
  `${s.batch}·${s.length}·${s.heads}/${s.kvHeads}·${s.headDim}${s.window ? ` window ${s.window}` : ""}`;
const factors = ({ headDim, scale, window }: AttentionDims) =>
  [f32(scale ?? 1 / Math.sqrt(headDim)), u32(window ?? 0xffffffff)] as const;

function random(s: AttentionDims, scale = 1) {
  const queries = s.batch * s.length * s.heads * s.headDim;
  const keys = s.batch * s.keys * s.kvHeads * s.headDim;
  const [q, k, v, dout] = [
    normals(1, queries, scale),
    normals(2, keys),
    normals(3, keys),
    normals(4, queries),
  ];
  return { q, k, v, dout };
}

/** Threads of a workgroup of the tiled kernels; 0 is the plain kernel. */
const variants = [0, 8, 32] as const;
type Lanes = (typeof variants)[number];

const specOf = <Name extends string>(
  plain: KernelSpec<Name>,
  tiled: (like: KernelSpec<Name>, lanes: number) => KernelSpec<Name>,
  lanes: Lanes,
) => (lanes === 0 ? plain : tiled(plain, lanes));

async function forward(lanes: Lanes, s: AttentionDims, { q, k, v }: Record<"q" | "k" | "v", Float32Array>) {
  const sizes = [s.length, s.keys, s.heads, s.kvHeads].map(u32);
  const params = packParams(...sizes, ...factors(s), u32(s.headDim / 4));
  const start = Uint32Array.from([...Array.from(s.start), 99]);
  return runKernel(specOf(attentionKernel(s.headDim), attentionTiled, lanes), {
    inputs: { params, start, q: tailed(q), k: tailed(k), v: tailed(v) },
    outputs: { out: q.length + TAIL, lse: q.length / s.headDim + GUARD },
    grid: attentionGrid(s.length, s.heads, s.batch, lanes || 32),
  });
}

describe.each(variants)("forward, %i lanes", (lanes) => {
  test.each([...shapes, ...windowed].map((s) => [label(s), s] as const))("%s", async (_, s) => {
    const values = random(s);
    const { out, lse } = await forward(lanes, s, values);
    const want = attention(values.q, values.k, values.v, s);
    // exp of a score near 3 costs about 3 ulp; sums of up to 37 terms.
    expectGuarded(out, want.out, { rtol: 3e-6, atol: 3e-6 }, "out");
    expectGuarded(lse, want.lse, { rtol: 3e-6, atol: 3e-6 }, "lse");
  });

  test("a cache with its own start per row", async () => {
    const s = { ...shape(3, 1, 4, 2, 8), keys: 11, start: [0, 4, 10] };
    const values = random(s);
    const { out } = await forward(lanes, s, values);
    expectGuarded(out, attention(values.q, values.k, values.v, s).out, { rtol: 3e-6, atol: 3e-6 });
    const unseen = values.k.slice();
    unseen.fill(50, 1 * 16, 11 * 16); // row 0 has seen key 0 alone
    const again = await forward(lanes, s, { ...values, k: unseen });
    expect(again.out).toEqual(out);
    const narrow = { ...s, window: 4 };
    const near = await forward(lanes, narrow, values);
    expectGuarded(near.out, attention(values.q, values.k, values.v, narrow).out, { rtol: 3e-6, atol: 3e-6 });
  });

  test("scores of ±200", async () => {
    const s = shape(1, 19, 2, 1, 8);
    const values = random(s, 70);
    const { out } = await forward(lanes, s, values);
    // Scores near 200 are rounded to 1.5e-5, and the weights by as much relatively.
    expectGuarded(out, attention(values.q, values.k, values.v, s).out, { rtol: 1e-4, atol: 1e-4 });
  });
});

type Gradients = Record<"dq" | "dk" | "dv", Float32Array>;

async function backward(
  lanes: Lanes,
  s: AttentionDims,
  values: ReturnType<typeof random>,
  before?: Gradients,
) {
  const { q, k, v, dout } = values;
  const { out, lse } = attention(q, k, v, s);
  const sizes = [u32(s.length), u32(s.heads), u32(s.kvHeads), ...factors(s)];
  const flag = u32(before ? 1 : 0);
  const inputs = { q: tailed(q), k: tailed(k), v: tailed(v), dout: tailed(dout), lse: guarded(lse) };
  const target = (name: keyof Gradients, length: number) =>
    before ? { inout: { [name]: tailed(before[name]) } } : { outputs: { [name]: length + TAIL } };
  const head = u32(s.headDim / 4);
  const query = specOf(attentionBackwardQueryKernel(s.headDim), attentionTiledQuery, lanes);
  const { dq, delta } = await runKernel(query, {
    inputs: { ...inputs, params: packParams(...sizes, flag, head), out: tailed(Float32Array.from(out)) },
    ...target("dq", q.length),
    outputs: { delta: lse.length + GUARD, ...target("dq", q.length).outputs },
    grid: attentionGrid(s.length, s.heads, s.batch, lanes || 32),
  });
  const [dkTarget, dvTarget] = [target("dk", k.length), target("dv", k.length)];
  const keyValue = specOf(attentionBackwardKeyValueKernel(s.headDim), attentionTiledKeyValue, lanes);
  const { dk, dv } = await runKernel(keyValue, {
    inputs: { ...inputs, params: packParams(...sizes, flag, flag, head), delta: delta! },
    outputs: { ...dkTarget.outputs, ...dvTarget.outputs },
    inout: { ...dkTarget.inout, ...dvTarget.inout },
    grid: attentionGrid(s.length, s.kvHeads, s.batch, lanes || 32),
  });
  return { dq, dk, dv, delta };
}

describe.each(variants)("backward, %i lanes", (lanes) => {
  test.each([...shapes, ...windowed].map((s) => [label(s), s] as const))("%s", async (_, s) => {
    const values = random(s);
    const { q, k, v, dout } = values;
    const want = {
      dq: finiteDifferences((at) => attention(at, k, v, s).out, q, dout),
      dk: finiteDifferences((at) => attention(q, at, v, s).out, k, dout),
      dv: finiteDifferences((at) => attention(q, k, at, s).out, v, dout),
    };
    const before = { dq: normals(5, q.length), dk: normals(6, k.length), dv: normals(7, k.length) };
    for (const start of [undefined, before]) {
      const got = await backward(lanes, s, values, start);
      for (const name of ["dq", "dk", "dv"] as const) {
        const total = want[name].map((value, i) => value + (start?.[name][i] ?? 0));
        // Up to 37 queries × 2 heads add to one key.
        expectGuarded(got[name], total, { rtol: 5e-6, atol: 1e-5 }, name);
      }
    }
  });

  test("no gradient flows to later keys", async () => {
    const s = shape(1, 35, 1, 1, 4);
    const values = random(s);
    const alone = (t: number) => values.dout.map((value, i) => (Math.floor(i / 4) === t ? value : 0));
    const touched = async (t: number) => {
      const { dk, dv } = await backward(lanes, s, { ...values, dout: alone(t) });
      return [dk!, dv!].map((g) => g.subarray(4, 35 * 4).some((value) => value !== 0));
    };
    expect(await touched(0)).toEqual([false, false]);
    expect(await touched(34)).toEqual([true, true]);
  });
});

test("refusals", () => {
  expect(() => checkAttentionShape({ ...shapes[0]!, headDim: 6 })).toThrow(/multiple of 4/);
  expect(() => checkAttentionShape({ ...shapes[0]!, heads: 5, kvHeads: 2 })).toThrow(/heads \(5\)/);
});
