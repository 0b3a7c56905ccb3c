// ot/problem.wgsl — what every transport kernel knows of a ragged batch.
//
// A batch of P problems shares flat buffers; each problem says where its parts lie. Nothing is padded but
// the rows of a matrix, to a multiple of 4 (`pitch`), so that a row can be read four columns at a time.
// A problem without rows or columns is absent: every kernel skips it.
//
//   matrices (cost, plan, gradient)   element (i, j) at  cost + i·pitch + j
//   vectors (marginals, potentials)   row i at f + i, column j at g + j, pitch columns: padding has no mass
//
// Written by src/ot/problems.ts. Concatenated in front of the kernels that need it.

struct Problem {
  x: u32,     // first row of the problem in the features x
  n: u32,     // rows
  y: u32,     // first row in the features y
  m: u32,     // columns
  cost: u32,  // first element of its matrices, a multiple of 4
  f: u32,     // first row entry in the vectors
  g: u32,     // first column entry in the vectors
  pitch: u32, // elements from one matrix row to the next, a multiple of 4
}

// The state of a problem: STATE floats, read back by src/ot/status.ts.
const STATE: u32 = 16u;
const S_EPS: u32 = 0u;        // ε, after scaling by the mean cost if it is relative
const S_ITERATIONS: u32 = 1u; // sweeps done
const S_ERROR: u32 = 2u;      // L1 marginal error, relative to the mass wanted
const S_STATUS: u32 = 3u;     // 0 running, 1 met the tolerance, 2 out of iterations
const S_MEAN: u32 = 4u;       // mean cost
const S_LINEAR: u32 = 5u;     // ⟨P, C⟩
const S_VALUE: u32 = 6u;      // ⟨P, C⟩ + ε KL(P | abᵀ)
const S_ENTROPY: u32 = 7u;    // −Σ P log P
const S_MASS: u32 = 8u;       // Σ P
const S_GAP: u32 = 9u;        // primal − dual
const S_ROW_ERROR: u32 = 10u; // L1 error of the row marginal
const S_PLAIN: u32 = 11u;     // 1 when the last sweep was not over-relaxed
const S_RESIDUAL: u32 = 12u;  // relative residual of the implicit gradient's linear system
const S_CG: u32 = 13u;        // its conjugate-gradient steps
const S_ABSORB: u32 = 14u;   // 1: this sweep moves its scalings into the potentials (ot/wide_control.wgsl)
const S_BASE: u32 = 15u;     // first history row whose K equals the final K (no absorption after it)

// What is taken out of the costs where a constant changes nothing: their mean, or, where that is far from what the mass
// pays (a forbidden cell of 1e30), what the mass pays.
fn centre_of(mean: f32, linear: f32, mass: f32, eps: f32) -> f32 {
  let paid = linear / max(mass, 1e-37);
  return select(mean, paid, abs(mean - paid) > 1024.0 * (abs(paid) + eps));
}

// The potential of a row or column without mass: finite, because WGSL may assume infinities away.
const NO_MASS: f32 = -1e30;
