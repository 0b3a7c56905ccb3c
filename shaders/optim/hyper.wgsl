// optim/hyper.wgsl — what the optimizer is told each step; packed by packHyper in src/student/optimizer.ts.

struct Hyper {
  rate: f32,           // learning rate of the student
  projector_rate: f32, // and of the objective's own parameters
  beta1: f32,
  beta2: f32,
  eps: f32,
  decay: f32,          // weight decay
  clip: f32,           // largest gradient norm
  bias1: f32,          // 1 − beta1^step, computed in f64 on the CPU
  root_bias2: f32,     // √(1 − beta2^step)
}
