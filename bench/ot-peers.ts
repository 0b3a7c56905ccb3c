// Log-domain Sinkhorn in the two WebGPU array libraries, on the adapter that our solver uses.
//
// What they need under Node: a `navigator.gpu` before they are imported; Node 20 lacks the iterator helpers that
// jax-js uses. A tfjs result is timed to its download, because its queue is not flushed before.
import type { Racer } from "./race";

/** P problems of n×m with uniform masses; `cost` is (P, n, m). */
export interface Batch {
  readonly P: number;
  readonly n: number;
  readonly m: number;
  readonly cost: Float32Array<ArrayBuffer>;
  readonly epsilon: number;
  readonly sweeps: number;
}

/** How far potentials f (P, n) and g (P, m) are from the reference. */
export type Check = (f: ArrayLike<number>, g: ArrayLike<number>) => number;

/** Let libraries find this implementation of WebGPU. */
export function exposeGpu(gpu: GPU): void {
  Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "node" }, configurable: true });
  const iterator = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;
  const names = ["map", "filter", "forEach", "some", "every", "find", "reduce", "flatMap"] as const;
  for (const name of names) {
    if (name in iterator) continue;
    const value = function (this: Iterable<unknown>, ...args: unknown[]): unknown {
      return Reflect.apply(Reflect.get(Array.prototype, name) as () => unknown, [...this], args);
    };
    Object.defineProperty(iterator, name, { value, configurable: true, writable: true });
  }
}

/** jax-js, twice: one compiled sweep called `sweeps` times, and all sweeps compiled as one function. */
export async function jaxRacers({ P, n, m, cost, epsilon, sweeps }: Batch, check: Check): Promise<Racer[]> {
  const { numpy: np, nn, jit, init, defaultDevice, blockUntilReady } = await import("@jax-js/jax");
  await init("webgpu");
  defaultDevice("webgpu");
  type Values = ReturnType<typeof np.array>; // consumed by every use; `.ref` keeps one
  const C = np.array(cost).reshape([P, n, m]);
  await blockUntilReady(C.ref);
  const half = (potential: Values, c: Values, axis: number, logMass: number): Values =>
    nn
      .logsumexp(potential.sub(c).div(epsilon), axis)
      .mul(-epsilon)
      .add(epsilon * logMass);
  const sweep = (c: Values, f: Values): [Values, Values] => {
    const g = half(f.reshape([P, n, 1]), c.ref, 1, -Math.log(m));
    return [half(g.ref.reshape([P, 1, m]), c, 2, -Math.log(n)), g];
  };
  const one = jit(sweep);
  const all = jit((c: Values, f: Values): [Values, Values] => {
    let g: Values | undefined;
    for (let k = 0; k < sweeps; k++) {
      g?.dispose();
      [f, g] = sweep(c.ref, f);
    }
    c.dispose();
    return [f, g ?? f];
  });

  let last: [Values, Values] | undefined;
  const keep = async (result: [Values, Values]) => {
    last?.forEach((x) => x.dispose());
    last = result;
    await blockUntilReady(result.map((x) => x.ref));
  };
  const error = async () => {
    const [f, g] = await Promise.all((last ?? []).map((x) => x.ref.data()));
    return check(f as Float32Array, g as Float32Array); // both were just made
  };
  const repeated = async () => {
    let f = np.zeros([P, n]);
    let g: Values | undefined;
    for (let k = 0; k < sweeps; k++) {
      g?.dispose();
      [f, g] = one(C.ref, f) as [Values, Values];
    }
    await keep([f, g ?? f]);
  };
  return [
    { name: "jax-js, one sweep compiled", run: repeated, error },
    {
      name: "jax-js, all sweeps compiled",
      run: () => keep(all(C.ref, np.zeros([P, n])) as [Values, Values]),
      error,
    },
  ];
}

export async function tfRacer({ P, n, m, cost, epsilon, sweeps }: Batch, check: Check): Promise<Racer> {
  const tf = await import("@tensorflow/tfjs");
  await import("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  const C = tf.tensor3d(cost, [P, n, m]);
  let last: [ArrayLike<number>, ArrayLike<number>] = [[], []];
  const run = async () => {
    const [f, g] = tf.tidy(() => {
      let rows = tf.zeros([P, n]);
      let cols = tf.zeros([P, m]);
      for (let k = 0; k < sweeps; k++) {
        const down = tf.logSumExp(rows.expandDims(2).sub(C).div(epsilon), 1);
        cols = down.mul(-epsilon).add(-epsilon * Math.log(m));
        const along = tf.logSumExp(cols.expandDims(1).sub(C).div(epsilon), 2);
        rows = along.mul(-epsilon).add(-epsilon * Math.log(n));
      }
      return [rows, cols] as const;
    });
    last = await Promise.all([f.data(), g.data()]);
    tf.dispose([f, g]);
  };
  return { name: "tfjs", run, error: async () => check(...last) };
}
