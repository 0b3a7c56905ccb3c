"""Entropic optimal transport and CoT2Align's objective in plain PyTorch, float64: the oracle of our fixtures.

Written from the equations (docs/EQUATIONS.md), not from the shaders. Autograd gives the unrolled gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cost_matrix(x: Tensor, y: Tensor, kind: str) -> Tensor:
    """x [n, d], y [m, d] -> C [n, m]."""
    if kind == "cosine":
        return 1 - torch.nn.functional.normalize(x, dim=-1) @ torch.nn.functional.normalize(y, dim=-1).T
    if kind == "attention":
        return 1 - torch.softmax(x @ y.T / x.shape[-1] ** 0.5, dim=-1)
    squared = ((x[:, None, :] - y[None, :, :]) ** 2).sum(-1)
    return squared if kind == "sqeuclidean" else squared.sqrt()


def sinkhorn_plan(cost: Tensor, epsilon: float | Tensor, sweeps: int) -> Tensor:
    """Log-domain Sinkhorn with uniform marginals; a sweep updates g, then f, from f = 0. Returns P [n, m]."""
    n, m = cost.shape
    log_a = -torch.log(torch.tensor(float(n), dtype=cost.dtype))
    log_b = -torch.log(torch.tensor(float(m), dtype=cost.dtype))
    f = torch.zeros(n, dtype=cost.dtype)
    g = torch.zeros(m, dtype=cost.dtype)
    for _ in range(sweeps):
        g = epsilon * (log_b - torch.logsumexp((f[:, None] - cost) / epsilon, dim=0))
        f = epsilon * (log_a - torch.logsumexp((g[None, :] - cost) / epsilon, dim=1))
    return torch.exp((f[:, None] + g[None, :] - cost) / epsilon)


def transport_loss(x: Tensor, y: Tensor, kind: str, epsilon: float, relative: bool, sweeps: int, gradient: str) -> Tensor:
    """<P, C>. `gradient` is "unrolled" (autograd through every sweep) or "envelope" (the plan held fixed).

    A relative epsilon scales with the mean cost, which counts as a constant.
    """
    cost = cost_matrix(x, y, kind)
    scaled = epsilon * cost.mean().detach() if relative else epsilon
    plan = sinkhorn_plan(cost, scaled, sweeps)
    return ((plan.detach() if gradient == "envelope" else plan) * cost).sum()


def cot2align_loss(
    states: dict[str, tuple[Tensor, Tensor]],
    logits: Tensor,
    labels: Tensor,
    sizes: list[tuple[int, int]],
    projector: torch.nn.Linear,
    settings: dict,
) -> dict[str, Tensor]:
    """The weighted terms. `states[layer]` is (student rows, teacher rows), one sample after the other."""
    r = settings["kdRate"]
    transport = settings["transport"]
    terms = {"ce": (1 - r) * torch.nn.functional.cross_entropy(logits, labels, reduction="sum") / len(labels)}
    for layer, (student, teacher) in states.items():
        projected = projector(teacher)
        total = logits.new_zeros(())
        i = j = 0
        for n, m in sizes:
            total = total + transport_loss(
                student[i : i + n],
                projected[j : j + m],
                transport["cost"],
                transport["epsilon"],
                transport["relative"],
                transport["maxIterations"],
                transport["gradient"],
            )
            i, j = i + n, j + m
        terms[f"ot_{layer}"] = r * transport[layer] * total / (4 * len(sizes))
    return terms
