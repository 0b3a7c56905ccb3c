// loss/row_totals.wgsl — the totals of a batch: loss, hits and rows that count.
//
//   totals = ( Σ_r loss[r], Σ_r hit[r], #{r : label[r] ≠ 0xffffffff}, 0 )
//
// Shapes   labels, loss, hit (R) · totals (4)
// Grid     one workgroup: dispatch (1). R is a few thousand at most.
// WG = 64  1 barrier; the order of additions is fixed.
// Oracle   test/oracle/nn-loss.ts. Tested by test/kernels/loss.test.ts.

override WG: u32 = 64u;

struct Params {
  rows: u32, // R
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> loss: array<f32>;
@group(0) @binding(3) var<storage, read> hit: array<f32>;
@group(0) @binding(4) var<storage, read_write> totals: array<f32>;

var<workgroup> parts: array<vec3f, WG>;

@compute @workgroup_size(WG)
fn row_totals(@builtin(local_invocation_index) tid: u32) {
  var sum = vec3f();
  for (var r = tid; r < params.rows; r += WG) {
    sum += vec3f(loss[r], hit[r], select(1.0, 0.0, labels[r] == 0xffffffffu));
  }
  parts[tid] = sum;
  workgroupBarrier();
  if (tid != 0u) { return; }
  for (var i = 1u; i < WG; i++) { sum += parts[i]; }
  totals[0] = sum.x;
  totals[1] = sum.y;
  totals[2] = sum.z;
  totals[3] = 0.0;
}
