// One training step of a small GPT in the two WebGPU array libraries, on the adapter that our engine uses: forward,
// backward and AdamW, the loss read back. Learned positions, RMSNorm, a plain ReLU layer of 4·D, a tied head: a
// little less work than our Llama step with its rotations and its gate.
import type { Racer } from "./race";

export interface GptSize {
  readonly L: number;
  readonly D: number;
  readonly H: number;
  readonly T: number;
  readonly B: number;
  readonly V: number;
}

export interface GptBatch {
  /** (B·T). */
  readonly ids: Int32Array<ArrayBuffer>;
  readonly labels: Int32Array<ArrayBuffer>;
}

/** A peer whose losses tell whether it learns. */
export interface Trainer extends Racer {
  readonly losses: number[];
}

const ADAM = { rate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, decay: 0.1 };
const isNorm = (name: string): boolean => name.startsWith("norm");

export function gptShapes({ L, D, T, V }: GptSize): Map<string, number[]> {
  const shapes = new Map([
    ["tokens", [V, D]],
    ["positions", [T, D]],
  ]);
  for (let l = 0; l < L; l++) {
    for (const name of ["q", "k", "v", "o"]) shapes.set(`${name}${l}`, [D, D]);
    shapes.set(`up${l}`, [D, 4 * D]).set(`down${l}`, [4 * D, D]);
    shapes.set(`norm1.${l}`, [D]).set(`norm2.${l}`, [D]);
  }
  return shapes.set("norm", [D]);
}

export const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

type Weights = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** jax-js: the whole step compiled by `jit`. */
export async function jaxTrainer(size: GptSize, weights: Weights, batch: GptBatch): Promise<Trainer> {
  const {
    numpy: np,
    nn,
    jit,
    valueAndGrad,
    init,
    defaultDevice,
    blockUntilReady,
    tree,
  } = await import("@jax-js/jax");
  await init("webgpu");
  defaultDevice("webgpu");
  const { L, D, H, T, B, V } = size;
  const shapes = gptShapes(size);
  const names = [...shapes.keys()];
  type Values = ReturnType<typeof np.array>; // consumed by every use; `.ref` keeps one
  type Params = Record<string, Values>;
  const of = (p: Params, name: string): Values => p[name]!; // every name of `shapes` is there

  const norm = (x: Values, gain: Values): Values => {
    const squares = np.mean(np.square(x.ref), -1, { keepdims: true });
    return x.div(np.sqrt(squares.add(1e-5))).mul(gain);
  };
  const heads = (x: Values): Values => x.reshape([B, T, H, D / H]);
  const lossOf = (p: Params, ids: Values, labels: Values): Values => {
    let x = np.dot(ids, of(p, "tokens").ref).add(of(p, "positions"));
    for (let l = 0; l < L; l++) {
      const h = norm(x.ref, of(p, `norm1.${l}`));
      const q = heads(np.dot(h.ref, of(p, `q${l}`)));
      const k = heads(np.dot(h.ref, of(p, `k${l}`)));
      const v = heads(np.dot(h, of(p, `v${l}`)));
      const mixed = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([B, T, D]);
      x = x.add(np.dot(mixed, of(p, `o${l}`)));
      const again = norm(x.ref, of(p, `norm2.${l}`));
      x = x.add(np.dot(nn.relu(np.dot(again, of(p, `up${l}`))), of(p, `down${l}`)));
    }
    const logits = np.dot(norm(x, of(p, "norm")), np.transpose(of(p, "tokens"), [1, 0]));
    return np.sum(nn.logSoftmax(logits, -1).mul(labels)).mul(-1 / (B * T));
  };
  const gradient = valueAndGrad(lossOf);
  const step = jit(
    (p: Params, m: Params, v: Params, ids: Values, labels: Values, bias1: Values, bias2: Values) => {
      const [loss, grads] = gradient(tree.ref(p), nn.oneHot(ids, V), nn.oneHot(labels, V)) as [
        Values,
        Params,
      ];
      const next: [Params, Params, Params] = [{}, {}, {}];
      for (const name of names) {
        const g = of(grads, name);
        const m1 = of(m, name)
          .mul(ADAM.beta1)
          .add(g.ref.mul(1 - ADAM.beta1));
        const v1 = of(v, name)
          .mul(ADAM.beta2)
          .add(np.square(g).mul(1 - ADAM.beta2));
        const update = m1.ref.mul(bias1.ref).div(np.sqrt(v1.ref.mul(bias2.ref)).add(ADAM.eps));
        const w = of(p, name);
        next[0][name] = w.ref.sub(update.add(w.mul(isNorm(name) ? 0 : ADAM.decay)).mul(ADAM.rate));
        next[1][name] = m1;
        next[2][name] = v1;
      }
      bias1.dispose();
      bias2.dispose();
      return [loss, ...next];
    },
  );
  const each = (make: (name: string, shape: number[]) => Values): Params =>
    Object.fromEntries([...shapes].map(([name, shape]) => [name, make(name, shape)]));
  let p = each((name, shape) => np.array(weights.get(name)!).reshape(shape)); // one array per shape
  let m = each((_, shape) => np.zeros(shape));
  let v = each((_, shape) => np.zeros(shape));
  const ids = np.array(batch.ids, { dtype: np.int32 }).reshape([B, T]);
  const labels = np.array(batch.labels, { dtype: np.int32 }).reshape([B, T]);
  const losses: number[] = [];
  return {
    name: "jax-js, one compiled step",
    losses,
    async run() {
      const t = losses.length + 1;
      const bias1 = np.array(1 / (1 - ADAM.beta1 ** t));
      const bias2 = np.array(1 / (1 - ADAM.beta2 ** t));
      let loss: Values;
      [loss, p, m, v] = step(p, m, v, ids.ref, labels.ref, bias1, bias2) as [Values, Params, Params, Params];
      losses.push((await loss.data())[0] ?? NaN);
      await blockUntilReady(tree.ref(p));
    },
  };
}

/** tfjs: eager, gradients by its tape. */
export async function tfTrainer(size: GptSize, weights: Weights, batch: GptBatch): Promise<Trainer> {
  const tf = await import("@tensorflow/tfjs");
  await import("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  const { L, D, H, T, B, V } = size;
  const shapes = gptShapes(size);
  const state = [...shapes].map(([name, shape]) => ({
    name,
    w: tf.variable(tf.tensor(weights.get(name)!, shape)), // one array per shape
    m: tf.variable(tf.zeros(shape)),
    v: tf.variable(tf.zeros(shape)),
  }));
  const byName = new Map(state.map(({ name, w }) => [name, w]));
  type Matrix = ReturnType<typeof tf.tensor2d>;
  const of = (name: string): Matrix => byName.get(name) as unknown as Matrix; // a vector broadcasts as one
  const ids = tf.tensor1d(batch.ids, "int32");
  const labels = tf.oneHot(tf.tensor1d(batch.labels, "int32"), V).cast("float32");
  const mask = tf.tidy(() =>
    tf.linalg
      .bandPart(tf.ones([T, T]), -1, 0)
      .sub(1)
      .mul(1e9),
  );
  const norm = (x: Matrix, gain: Matrix): Matrix =>
    x.mul(tf.rsqrt(x.square().mean(-1, true).add(1e-5))).mul(gain);
  const heads = (x: Matrix) => x.reshape([B, T, H, D / H]).transpose([0, 2, 1, 3]);
  const lossOf = () => {
    const embedded = tf.gather(of("tokens"), ids).reshape([B, T, D]).add(of("positions"));
    let x: Matrix = embedded.reshape([B * T, D]);
    for (let l = 0; l < L; l++) {
      const h = norm(x, of(`norm1.${l}`));
      const [q, k, v] = ["q", "k", "v"].map((name) => heads(tf.matMul(h, of(`${name}${l}`))));
      const scores = tf.matMul(q!, k!, false, true).mul(1 / Math.sqrt(D / H)); // three were made
      const mixed = tf.matMul(tf.softmax(scores.add(mask)), v!).transpose([0, 2, 1, 3]);
      x = x.add(tf.matMul(mixed.reshape([B * T, D]) as Matrix, of(`o${l}`)));
      const again = norm(x, of(`norm2.${l}`));
      x = x.add(tf.matMul(tf.relu(tf.matMul(again, of(`up${l}`))), of(`down${l}`)));
    }
    const logits = tf.matMul(norm(x, of("norm")), of("tokens"), false, true);
    return tf
      .logSoftmax(logits)
      .mul(labels)
      .sum()
      .mul(-1 / (B * T))
      .asScalar();
  };
  const update = (bias1: number, bias2: number) => {
    const { value, grads } = tf.variableGrads(
      lossOf,
      state.map(({ w }) => w),
    );
    for (const { name, w, m, v } of state) {
      const g = grads[w.name]!; // a gradient for each variable
      m.assign(m.mul(ADAM.beta1).add(g.mul(1 - ADAM.beta1)));
      v.assign(v.mul(ADAM.beta2).add(g.square().mul(1 - ADAM.beta2)));
      const step = m.mul(bias1).div(v.mul(bias2).sqrt().add(ADAM.eps));
      w.assign(w.sub(step.add(w.mul(isNorm(name) ? 0 : ADAM.decay)).mul(ADAM.rate)));
    }
    return value;
  };
  const losses: number[] = [];
  return {
    name: "tfjs, eager",
    losses,
    async run() {
      const t = losses.length + 1;
      const loss = tf.tidy(() => update(1 / (1 - ADAM.beta1 ** t), 1 / (1 - ADAM.beta2 ** t)));
      losses.push((await loss.data())[0] ?? NaN); // the download flushes the queue
      loss.dispose();
    },
  };
}
