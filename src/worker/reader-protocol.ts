// The language of the two workers behind the Transport screen: the reader reads texts (tokens, states), and the
// solver (solver-protocol.ts) turns states into costs and plans, on the CPU or through the WGSL kernels.
import type { CostKind } from "../config/run";
import type { Features, ModelPair, TransportView } from "../config/transport-view";
import type { TokenPairings, View } from "../data";

export type { TokenPairings };

/** A text as one model reads it; what is solved over starts at `from`, a byte of `prompt + response`. */
export interface SideText {
  readonly prompt: string;
  readonly response: string;
}

export interface ReaderRow {
  readonly id: string;
  readonly family: string;
  readonly views: Readonly<Record<View, SideText>>;
}

/** Tokens of the response (all tokens of an own text), with the bytes they stand for. */
export interface TokenLine {
  /** Printed form: ␣ for a space, ⟨E2⟩ for a byte that is no whole character. */
  readonly texts: readonly string[];
  readonly ids: readonly number[];
  /** Bytes of the response: token i covers [start, end). */
  readonly start: readonly number[];
  readonly end: readonly number[];
}

export type ReaderCommand =
  | { type: "open"; baseUrl: string }
  /** Tokens and states of a pair of texts. Only the newest question is answered. */
  | {
      type: "read";
      id: number;
      student: SideText;
      teacher: SideText;
      models: ModelPair;
      features: Features;
      projector: TransportView["projector"];
    };

/** States of the response tokens in one space, row-major. */
export interface TokenStates {
  readonly d: number;
  readonly student: Float32Array;
  readonly teacher: Float32Array;
  /** How the teacher's states came into the student's space: pairs used, and the share of variance explained. */
  readonly fit: { readonly pairs: number; readonly rows: number; readonly explained: number } | undefined;
}

export type ReaderEvent =
  | { type: "rows"; rows: readonly ReaderRow[] }
  | { type: "progress"; stage: string }
  | { type: "tokens"; id: number; student: TokenLine; teacher: TokenLine; pairings: TokenPairings }
  | { type: "states"; id: number; features: Features; states: TokenStates }
  /** `id` 0: the reader itself could not open. */
  | { type: "failed"; id: number; detail: string };

/** A transport problem from features, with everything that the screen draws. */
export interface ScreenProblem {
  readonly n: number;
  readonly m: number;
  readonly states: TokenStates;
  readonly cost: CostKind;
  readonly scheme: TransportView["scheme"];
  readonly epsilon: number;
  readonly relative: boolean;
  readonly maxIterations: number;
  readonly tolerance: number;
  /** Masses of student and teacher tokens; each sums to 1. */
  readonly masses: { readonly student: Float64Array; readonly teacher: Float64Array };
  readonly relaxed: TransportView["relaxed"];
  /** τ in units of the mean cost. */
  readonly tau: number;
  readonly solver: TransportView["solver"];
  readonly gradient: TransportView["gradient"];
}

/** Who solved, and why it was not the other. */
export type SolvedBy =
  | { readonly device: "gpu"; readonly adapter: string }
  | {
      readonly device: "cpu";
      /** `opening`: the GPU was not ready; a `ready` follows when it is. */
      readonly why: "asked" | "small" | "opening" | "no-gpu" | "failed";
      readonly detail: string;
    };

export interface ScreenSolution {
  /** [n, m] row-major. */
  readonly cost: Float32Array;
  readonly plan: Float32Array;
  /** dLoss/dC of loss = ⟨P, C⟩; undefined when this gradient does not exist for the scheme. */
  readonly gradient: Float32Array | undefined;
  /** Potentials after each sweep, row 0 the start: [(K+1), n] and [(K+1), m]. */
  readonly f: Float32Array;
  readonly g: Float32Array;
  /** L1 marginal error after each sweep; NaN at the start. */
  readonly errors: Float32Array;
  readonly epsilon: number;
  readonly transportCost: number;
  readonly entropy: number;
  readonly iterations: number;
  readonly marginalError: number;
  readonly converged: boolean;
  /** Milliseconds in the solver. */
  readonly ms: number;
  readonly by: SolvedBy;
}
