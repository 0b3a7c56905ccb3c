// A tape: ops record their forward dispatches into a program and leave an adjoint, which records the backward
// ones. There is no general autograd: each op knows its own derivative, and gradients are more dispatches.
import type { ProgramBuilder, Tensor } from "../gpu/program";
import { recordAdd } from "./ops/add";
import { recordFill } from "./ops/fill";

/** A value in a recorded computation. */
export interface Var {
  readonly label: string;
  readonly value: Tensor;
  readonly shape: readonly number[];
  readonly needsGrad: boolean;
  /** Exists once something has contributed to it. */
  grad: Tensor | undefined;
}

/** Where an adjoint writes: the first contribution overwrites, later ones accumulate. */
export interface GradTarget {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

export interface TapeOptions {
  /** False records the forward pass alone: no adjoints, nothing kept for them. */
  readonly training?: boolean;
  /** True adds to the gradients that the leaves already hold (micro-batches); false overwrites them. */
  readonly accumulateLeaves?: boolean;
}

interface Entry {
  readonly output: Var | undefined;
  readonly adjoint: () => void;
}

export class Tape {
  readonly training: boolean;
  readonly #accumulateLeaves: boolean;
  readonly #entries: Entry[] = [];
  readonly #leaves: Map<Tensor, Var>;
  readonly #leafGrads: Map<Var, Tensor>;
  /** Vars whose gradient is, for now, the same tensor; see passGrad. */
  readonly #sharers: Map<Tensor, Set<Var>>;

  /** @param parent the tape that this one is a stretch of: they have leaves and gradients in common. */
  constructor(
    readonly b: ProgramBuilder,
    options: TapeOptions = {},
    parent?: Tape,
  ) {
    this.training = options.training ?? true;
    this.#accumulateLeaves = options.accumulateLeaves ?? false;
    this.#leaves = parent ? parent.#leaves : new Map();
    this.#leafGrads = parent ? parent.#leafGrads : new Map();
    this.#sharers = parent ? parent.#sharers : new Map();
  }

  /** A value that nothing is differentiated by: teacher states, caches. */
  constant(value: Tensor, shape: readonly number[]): Var {
    return { label: value.label, value, shape, needsGrad: false, grad: undefined };
  }

  /** The same value without its gradient: METHODS' sg. */
  detached({ value, shape }: Var): Var {
    return this.constant(value, shape);
  }

  /**
   * A parameter; its gradient goes to `grad`, usually a range of the gradient arena. Without one it is frozen.
   * One Var per value.
   */
  leaf(value: Tensor, grad: Tensor | undefined, shape: readonly number[]): Var {
    const known = this.#leaves.get(value);
    if (known) return known;
    const needsGrad = this.training && grad !== undefined;
    const leaf: Var = { label: value.label, value, shape, needsGrad, grad: undefined };
    this.#leaves.set(value, leaf);
    if (grad) this.#leafGrads.set(leaf, grad);
    return leaf;
  }

  /** The parameters that were asked for so far, the frozen ones left out. */
  get leaves(): Iterable<Var> {
    return this.#leafGrads.keys();
  }

  /** A new value computed from `inputs`: it needs a gradient when one of them does. */
  result(
    label: string,
    shape: readonly number[],
    inputs: readonly Var[],
    value: Tensor = this.b.scratch(label, size(shape)),
  ): Var {
    return { label, value, shape, needsGrad: inputs.some((v) => v.needsGrad), grad: undefined };
  }

  /** Run `adjoint` in the backward pass: for losses, which start gradients. */
  push(adjoint: () => void): void {
    if (this.training) this.#entries.push({ output: undefined, adjoint });
  }

  /** Run `adjoint(dy)` in the backward pass, if a gradient has reached `output` by then. */
  record(output: Var, adjoint: (dy: Tensor) => void): void {
    if (!output.needsGrad) return;
    this.#entries.push({
      output,
      adjoint: () => {
        if (output.grad) adjoint(output.grad);
      },
    });
  }

  /**
   * What `body` records on the tape that it is given, without keeping what lies between its inputs and its result:
   * the backward pass records `body` once more. Gradient checkpointing (Chen et al. 2016): the same gradients, bit
   * for bit, for one more forward pass and less memory.
   */
  recomputed(body: (tape: Tape) => Var): Var {
    if (!this.training) return body(this);
    const options = { training: true, accumulateLeaves: this.#accumulateLeaves };
    const once = body(new Tape(this.b, options, this)); // its adjoints are dropped, and with them what they read
    const y: Var = { ...once, grad: undefined };
    this.record(y, (dy) => {
      const stretch = new Tape(this.b, options, this);
      const again = body(stretch);
      again.grad = dy;
      const sharers = this.#sharers.get(dy);
      if (sharers?.delete(y)) sharers.add(again); // y's adjoint has run; later uses go to `again`
      stretch.#runAdjoints();
    });
    return y;
  }

  gradTarget(v: Var): GradTarget {
    if (!v.needsGrad) throw new Error(`"${v.label}" takes no gradient; ask needsGrad first`);
    if (!v.grad) {
      const leaf = this.#leafGrads.get(v);
      v.grad = leaf ?? this.b.scratchLike(`d${v.label}`, v.value);
      return { tensor: v.grad, accumulate: leaf !== undefined && this.#accumulateLeaves };
    }
    this.#unshare(v, v.grad);
    return { tensor: v.grad, accumulate: true };
  }

  /** For adjoints that compute several gradients at once: where the one of a Var that needs none goes to waste. */
  gradSink(v: Var): GradTarget {
    if (v.needsGrad) return this.gradTarget(v);
    return { tensor: this.b.scratch(`unused d${v.label}`, v.value.length), accumulate: false };
  }

  /** v's gradient gains exactly dy. The first time it shares dy's memory, so that a residual costs nothing. */
  passGrad(v: Var, dy: Tensor, from: Var): void {
    if (!v.needsGrad) return;
    if (v.grad || this.#leafGrads.has(v)) {
      const { tensor, accumulate } = this.gradTarget(v);
      recordAdd(this.b, { a: dy, out: tensor, accumulate });
      return;
    }
    v.grad = dy;
    const sharers = this.#sharers.get(dy) ?? new Set([from]);
    this.#sharers.set(dy, sharers.add(v));
  }

  /** Record all adjoints, last op first. Leaves that no gradient reached are cleared. */
  backward(): void {
    this.#runAdjoints();
    for (const [leaf, grad] of this.#leafGrads) {
      if (leaf.grad || this.#accumulateLeaves) continue;
      leaf.grad = grad;
      recordFill(this.b, grad, 0);
    }
  }

  #runAdjoints(): void {
    for (const { output, adjoint } of this.#entries.toReversed()) {
      adjoint();
      if (output?.grad) this.#sharers.get(output.grad)?.delete(output); // consumed: others may write it now
    }
    this.#entries.length = 0;
  }

  /** Before v's gradient is added to in place: if another Var still needs the shared tensor, v takes a copy. */
  #unshare(v: Var, shared: Tensor): void {
    const sharers = this.#sharers.get(shared);
    if (!sharers) return;
    sharers.delete(v);
    if (sharers.size === 0) return;
    v.grad = this.b.scratchLike(`d${v.label}`, v.value);
    recordAdd(this.b, { a: shared, out: v.grad, accumulate: false });
  }
}

export const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
