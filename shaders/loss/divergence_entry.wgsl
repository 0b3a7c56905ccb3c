// loss/divergence_entry.wgsl — one vocabulary entry's part of a divergence D(p, t), and of its gradient.
//
//   entry.x = the entry's term of D
//   entry.y = p · ∂D/∂p, so that ∂D/∂s = (entry.y − p · Σ entry.y) / T for p = softmax(s / T)
//
//   MIX             f·t(log t − log p) + r·p(log p − log t)          forward KL (1,0), reverse (0,1), symmetric (½,½), adaptive
//   JS              ½ t log((t+ϵ)/(m+ϵ)) + ½ p log((p+ϵ)/(m+ϵ)),     m = (p+t)/2, ϵ = 1e-9 as published
//   SKEWED_FORWARD  t (log t − log(λt + (1−λ)p))
//   SKEWED_REVERSE  p (log p − log((1−λ)t + λp))
//   GENERALIZED_JS  β·KL(t‖m) + (1−β)·KL(p‖m), m = (1−β)p + βt, β = λ;   KL(t‖p) at β = 0, KL(p‖t) at β = 1
//
// Constants in entry.y that are proportional to p are left away: the softmax's shift removes them.
// Source   the published criterion (METHODS §2); skewed forms: DistiLLM (arXiv 2402.03898); generalized JS: METHODS §10.1.
// Numerics f32, from log-probabilities: an entry whose probability underflows gives 0, never 0·∞. GENERALIZED_JS adds b − a to
//          each entry of KL(a‖b), which sums to 0 over distributions: every entry is then ≥ 0 and small where a ≈ b, and
//          what f32 rounds of a row's log-sum no longer shows.

const MIX = 0u;
const JS = 1u;
const SKEWED_FORWARD = 2u;
const SKEWED_REVERSE = 3u;
const GENERALIZED_JS = 4u;
const JS_EPSILON = 1e-9;
const NEAR = 0.3; // below this |log a − log b| series keep the digits

/// −log(λ + (1−λ)·eˣ) without overflow, 0 ≤ λ ≤ 1.
fn skewed_log_ratio(x: f32, skew: f32) -> f32 {
  if (skew == 0.0) { return -x; }
  if (skew == 1.0) { return 0.0; }
  if (x <= 0.0) { return -log(skew + (1.0 - skew) * exp(x)); }
  return -(x + log(skew * exp(-x) + (1.0 - skew)));
}

/// eˣ − 1, |x| < NEAR.
fn exp_near_one(x: f32) -> f32 {
  return x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x / 720.0)))));
}

/// log(1 + x), −0.3 < x < 0.4: 2·artanh(x / (2 + x)).
fn log_near_one(x: f32) -> f32 {
  let s = x / (2.0 + x);
  let q = s * s;
  return 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0 + q / 9.0))));
}

/// −log(λ + (1−λ)·eˣ) with the digits of a small x.
fn mixture_log_ratio(x: f32, share: f32) -> f32 {
  if (abs(x) < NEAR) { return -log_near_one((1.0 - share) * exp_near_one(x)); }
  return skewed_log_ratio(x, share);
}

/// a·(log a − log b) − a + b ≥ 0: the entry of KL(a‖b), d = log a − log b.
fn kl_entry(a: f32, b: f32, d: f32) -> f32 {
  if (abs(d) < NEAR) {
    return a * d * d * (0.5 - d * (1.0 / 6.0 - d * (1.0 / 24.0 - d * (1.0 / 120.0 - d / 720.0))));
  }
  return a * d - a + b;
}

fn generalized_js_entry(lp: f32, lt: f32, beta: f32) -> vec2f {
  let p = exp(lp);
  let t = exp(lt);
  if (beta == 0.0) { return vec2f(kl_entry(t, p, lt - lp), -t); }
  if (beta == 1.0) { return vec2f(kl_entry(p, t, lp - lt), p * (lp - lt)); }
  let m = (1.0 - beta) * p + beta * t;
  let from_t = mixture_log_ratio(lp - lt, beta); // log(t / m)
  let from_p = mixture_log_ratio(lt - lp, 1.0 - beta); // log(p / m)
  return vec2f(
    beta * kl_entry(t, m, from_t) + (1.0 - beta) * kl_entry(p, m, from_p),
    (1.0 - beta) * p * from_p,
  );
}

/// lp, lt: log-probabilities of student and teacher; mix: weights of forward and reverse KL.
fn divergence_entry(kind: u32, lp: f32, lt: f32, mix: vec2f, skew: f32) -> vec2f {
  let p = exp(lp);
  let t = exp(lt);
  switch (kind) {
    case GENERALIZED_JS: {
      return generalized_js_entry(lp, lt, skew);
    }
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
