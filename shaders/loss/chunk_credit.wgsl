// loss/chunk_credit.wgsl — what a teacher's word on a chunk of text says to each student token that wrote it.
//
//   A[r] = clamp(credit, ±most),  0 for a row in no chunk and for chunks of more than max_chunk tokens on a side
//     n student, m teacher tokens, L_S = Σ log p, L_T = Σ log q over the chunk:
//     BY_LOG_PROB   (L_T/L_S − 1)·log p[r],  L_T/n − log p[r] where |L_S| < 1e-8      BY_COUNT  L_T/n − log p[r]
//     EXACT         L_T − log p[r] where n = m = 1, else 0
//     UNLIKELY      −penalty where log p[r] < threshold, else 0: no teacher is asked
//   loss[r] = −A[r]·log p[r];   chunk_credit_backward:  dlog_p[r] (+)= −scale·A[r]      A is a constant
//
// Source   METHODS §10.6: credit of arXiv 2606.09456; UNLIKELY is the control of arXiv 2608.31046.
// Shapes   chunk_of (R): 0xffffffff = in none · chunks (G): (s0, s1, t0, t1) · student = log p of the labels (R)
//          teacher = log q (Rt); not read by UNLIKELY · advantages, loss (R) · dlog_p (R)
// Grid     one thread per row: dispatch (⌈R/64⌉); chunks are a few rows long.
// WG = 64
// Numerics f32. One token: L_T − log p, since L_T/L_S − 1 loses its digits where L_S is small; else (L_T − L_S)/L_S.
// Oracle   src/telemetry/credit.ts. Tested by test/kernels/chunk-credit.test.ts.

struct Params {
  rows: u32, // R
  credit: u32,
  max_chunk: u32, // 0: any
  accumulate: u32,
  most: f32, // of |A|
  threshold: f32,
  penalty: f32,
}

struct Scale {
  factor: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> scale: Scale; // backward only
@group(0) @binding(2) var<storage, read> chunk_of: array<u32>;
@group(0) @binding(3) var<storage, read> chunks: array<vec4u>;
@group(0) @binding(4) var<storage, read> student: array<f32>;
@group(0) @binding(5) var<storage, read> teacher: array<f32>; // advantages in the backward pass
@group(0) @binding(6) var<storage, read_write> advantages: array<f32>; // dlog_p in the backward pass
@group(0) @binding(7) var<storage, read_write> loss: array<f32>; // forward only

const BY_LOG_PROB = 0u;
const EXACT = 2u;
const UNLIKELY = 3u;

fn credit_of(row: u32, chunk: vec4u) -> f32 {
  let own = student[row];
  if (params.credit == UNLIKELY) { return select(0.0, -params.penalty, own < params.threshold); }
  let n = chunk.y - chunk.x;
  let m = chunk.w - chunk.z;
  if (params.max_chunk != 0u && max(n, m) > params.max_chunk) { return 0.0; }
  if (params.credit == EXACT && (n != 1u || m != 1u)) { return 0.0; }
  var of_teacher = 0.0;
  for (var k = chunk.z; k < chunk.w; k++) { of_teacher += teacher[k]; }
  if (n == 1u) { return of_teacher - own; }
  if (params.credit == BY_LOG_PROB) {
    var of_student = 0.0;
    for (var k = chunk.x; k < chunk.y; k++) { of_student += student[k]; }
    if (abs(of_student) >= 1e-8) { return (of_teacher - of_student) / of_student * own; }
  }
  return of_teacher / f32(n) - own;
}

@compute @workgroup_size(64)
fn chunk_credit(@builtin(global_invocation_id) thread: vec3u) {
  let r = thread.x;
  if (r >= params.rows) { return; }
  var advantage = 0.0;
  var part = 0.0;
  if (chunk_of[r] != 0xffffffffu) {
    advantage = clamp(credit_of(r, chunks[chunk_of[r]]), -params.most, params.most);
    part = -advantage * student[r];
  }
  advantages[r] = advantage;
  loss[r] = part;
}

@compute @workgroup_size(64)
fn chunk_credit_backward(@builtin(global_invocation_id) thread: vec3u) {
  let r = thread.x;
  if (r >= params.rows) { return; }
  var g = -scale.factor * teacher[r];
  if (params.accumulate == 1u) { g += advantages[r]; }
  advantages[r] = g;
}
