// loss/divergence_entry.wgsl — one vocabulary entry's part of a divergence D(p, t), and of its gradient.
//
//   entry.x = the entry's term of D
//   entry.y = p · ∂D/∂p, so that ∂D/∂s = (entry.y − p · Σ entry.y) / T for p = softmax(s / T)
//
//   MIX             f·t(log t − log p) + r·p(log p − log t)          forward KL (1,0), reverse (0,1), symmetric (½,½), adaptive
//   JS              ½ t log((t+ϵ)/(m+ϵ)) + ½ p log((p+ϵ)/(m+ϵ)),     m = (p+t)/2, ϵ = 1e-9 as published
//   SKEWED_FORWARD  t (log t − log(λt + (1−λ)p))
//   SKEWED_REVERSE  p (log p − log((1−λ)t + λp))
//
// Constants in entry.y that are proportional to p are left away: the softmax's shift removes them.
// Source   the published criterion (METHODS §2); skewed forms: DistiLLM (arXiv 2402.03898).
// Numerics f32, from log-probabilities: an entry whose probability underflows gives 0, never 0·∞.

const MIX = 0u;
const JS = 1u;
const SKEWED_FORWARD = 2u;
const SKEWED_REVERSE = 3u;
const JS_EPSILON = 1e-9;

/// −log(λ + (1−λ)·eˣ) without overflow, 0 ≤ λ ≤ 1.
fn skewed_log_ratio(x: f32, skew: f32) -> f32 {
  if (skew == 0.0) { return -x; }
  if (skew == 1.0) { return 0.0; }
  if (x <= 0.0) { return -log(skew + (1.0 - skew) * exp(x)); }
  return -(x + log(skew * exp(-x) + (1.0 - skew)));
}

/// lp, lt: log-probabilities of student and teacher; mix: weights of forward and reverse KL.
fn divergence_entry(kind: u32, lp: f32, lt: f32, mix: vec2f, skew: f32) -> vec2f {
  let p = exp(lp);
  let t = exp(lt);
  switch (kind) {
    case JS: {
      let m = 0.5 * (p + t);
      let log_p = log((p + JS_EPSILON) / (m + JS_EPSILON));
      let log_t = log((t + JS_EPSILON) / (m + JS_EPSILON));
      let slope = log_p + p / (p + JS_EPSILON) - m / (m + JS_EPSILON);
      return 0.5 * vec2f(t * log_t + p * log_p, p * slope);
    }
    case SKEWED_FORWARD: {
      let h = skewed_log_ratio(lp - lt, skew); // log(t / mixture)
      return vec2f(t * h, -(1.0 - skew) * exp(lp + h));
    }
    case SKEWED_REVERSE: {
      let h = skewed_log_ratio(lt - lp, skew); // log(p / mixture)
      return vec2f(p * h, p * h - skew * exp(min(lp + h, 80.0)));
    }
    default: {
      let difference = lp - lt;
      return vec2f(
        mix.y * p * difference - mix.x * t * difference,
        mix.y * p * difference - mix.x * t,
      );
    }
  }
}
