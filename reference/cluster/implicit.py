"""The gradient of a converged plan in its costs: docs/SINKHORN.md, "Implicit"."""

import torch
from torch import Tensor


def implicit(cost: Tensor, plan: Tensor, e: Tensor) -> Tensor:
    """One linear system a problem, the Schur complement of the marginals' equations, in float64.

    It is singular (a constant may move from λ to μ), so the constant is fixed by one more rank.
    """
    x, c = plan.double(), cost.double()
    r, s = x.sum(2), x.sum(1)
    inverse = torch.where(r > 0, 1 / r.clamp(min=1e-290), 0.0)
    g = c - ((x * c).sum((1, 2)) / x.sum((1, 2)).clamp(min=1e-290))[:, None, None]
    st, t = (x * g).sum(2), (x * g).sum(1)
    system = torch.diag_embed(torch.where(s > 0, s, 1.0)) - x.mT @ (inverse[:, :, None] * x)
    system = system + s[:, :, None] * s[:, None]
    mu = torch.linalg.solve(system, t - (x.mT @ (inverse * st)[:, :, None]).squeeze(-1))
    lam = inverse * (st - (x @ mu[:, :, None]).squeeze(-1))
    return (x - x * (g - lam[:, :, None] - mu[:, None]) / e.double()[:, :, None]).to(plan.dtype)
