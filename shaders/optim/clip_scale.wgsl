// optim/clip_scale.wgsl — from partial sums to the gradient's norm, the clipping factor and the verdict.
//
//   norm = √Σ parts,   clip = min(1, max_norm / (norm + 1e-6)),   ok = norm and loss are finite
//   verdict = ( norm, clip, ok, 0 )
//
// Source   torch.nn.utils.clip_grad_norm_.
// Shapes   parts (count) · loss: its first `losses` elements are checked · verdict (4)
// Grid     one thread: dispatch (1). There are a few hundred parts at most.
// Oracle   test/oracle/nn-optim.ts. Tested by test/kernels/optim.test.ts.
// Uses     lib/is_finite.wgsl, optim/hyper.wgsl

struct Params {
  count: u32,
  losses: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> hyper: Hyper;
@group(0) @binding(2) var<storage, read> parts: array<f32>;
@group(0) @binding(3) var<storage, read> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> verdict: array<f32>;

@compute @workgroup_size(1)
fn clip_scale() {
  var sum = 0.0;
  for (var i = 0u; i < params.count; i++) { sum += parts[i]; }
  var ok = is_finite(sum);
  for (var i = 0u; i < params.losses; i++) { ok = ok && is_finite(loss[i]); }
  let norm = sqrt(sum);
  verdict[0] = norm;
  verdict[1] = min(1.0, hyper.clip / (norm + 1e-6));
  verdict[2] = select(0.0, 1.0, ok);
  verdict[3] = 0.0;
}
