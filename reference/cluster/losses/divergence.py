"""Divergences between the rows of two sets of logits, METHODS §2. No factor T²."""

import torch
from torch import Tensor

from settings import Json


def divergence(s: Tensor, q: Tensor, settings: Json, teacher_temperature: float = 1.0) -> Tensor:
    """[N, V], [N, V'] -> [N]: D(softmax(s/T), softmax(q/(T·T'))); wider logits are cut to the narrower width."""
    width, t = min(s.shape[-1], q.shape[-1]), settings["temperature"]
    log_p = torch.log_softmax(s[:, :width].float() / t, -1)
    log_t = torch.log_softmax(q[:, :width].float().detach() / (t * teacher_temperature), -1)
    p, q = log_p.exp(), log_t.exp()
    kind, skew = settings.get("divergence", "forward_kl"), settings.get("skew", 0.1)
    if kind == "js":
        log_m = torch.log((p + q) / 2 + 1e-9)
        return 0.5 * (q * (torch.log(q + 1e-9) - log_m) + p * (torch.log(p + 1e-9) - log_m)).sum(-1)
    if kind == "generalized_js":  # β·KL(t‖m) + (1 − β)·KL(p‖m), m = (1 − β)·p + β·t; at the ends the one KL or the other
        if skew in (0, 1):
            return (p * (log_p - log_t)).sum(-1) if skew else (q * (log_t - log_p)).sum(-1)
        log_m = mixed(log_t, log_p, skew)
        return (skew * q * (log_t - log_m) + (1 - skew) * p * (log_p - log_m)).sum(-1)
    if kind == "skewed_forward_kl":
        return (q * (log_t - mixed(log_t, log_p, skew))).sum(-1)
    if kind == "skewed_reverse_kl":
        return (p * (log_p - mixed(log_p, log_t, skew))).sum(-1)
    forward, reverse = (q * (log_t - log_p)).sum(-1), (p * (log_p - log_t)).sum(-1)
    if kind != "adaptive_kl":
        weights = {"forward_kl": (1.0, 0.0), "reverse_kl": (0.0, 1.0), "symmetric_kl": (0.5, 0.5)}
        return sum(w * part for w, part in zip(weights[kind], (forward, reverse), strict=True) if w)  # type: ignore[return-value]
    ascending, order = torch.sort(q, stable=True)
    gap = (ascending - p.gather(-1, order)).abs().detach()
    tail = ascending.cumsum(-1) < settings["adaptiveAlpha"]
    high, low = (gap * ~tail).sum(-1), (gap * tail).sum(-1)
    share = torch.where(high + low > 0, high / (high + low), torch.full_like(high, 0.5))
    return share * forward + (1 - share) * reverse


def mixed(log_a: Tensor, log_b: Tensor, share: float) -> Tensor:
    """log(share·a + (1 − share)·b), where either may underflow."""
    if share in (0, 1):
        return log_a if share else log_b
    return torch.logaddexp(log_a + torch.tensor(share).log(), log_b + torch.tensor(1 - share).log())
