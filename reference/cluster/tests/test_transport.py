"""The solver against a plain loop, and its three gradients against autograd and finite differences."""

import pytest
import torch

from transport import Plan, cost_matrix, padded

SETTINGS = {"scheme": "log", "maxIterations": 40, "tolerance": 0.0, "gradient": "unrolled"}


def plain(cost: torch.Tensor, eps: torch.Tensor, settings: dict) -> torch.Tensor:
    """⟨P, C⟩ by the textbook loop, differentiated by autograd; its own delta and checks in the published scheme."""
    n, m = cost.shape
    a, b = torch.full((n,), 1 / n).double(), torch.full((m,), 1 / m).double()
    if settings["scheme"] == "multiplicative":
        k, u = torch.exp(-cost / eps), torch.full((n,), 1 / n).double()
        for at in range(1, settings["maxIterations"] + 1):
            v = b / (k.T @ u + 1e-9)
            u = a / (k @ v + 1e-9)
            if at % 50 == 1 and float((v * (k.T @ u) - b).detach().abs().sum()) <= settings["tolerance"]:
                break
        return ((u[:, None] * k * v) * cost).sum()
    f = torch.zeros(n).double()
    for _ in range(settings["maxIterations"]):
        g = eps * (b.log() - torch.logsumexp((f[:, None] - cost) / eps, 0))
        f = eps * (a.log() - torch.logsumexp((g[None] - cost) / eps, 1))
        error = (torch.exp((f[:, None] + g - cost) / eps).sum(0) - b).abs().sum()
        if settings["tolerance"] > 0 and float(error.detach()) <= settings["tolerance"]:
            break
    return (torch.exp((f[:, None] + g - cost) / eps) * cost).sum()


def problems(sizes: list[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    n, m = (max(size[k] for size in sizes) for k in (0, 1))
    cost, a, b = torch.zeros(len(sizes), n, m).double(), torch.zeros(len(sizes), n).double(), torch.zeros(len(sizes), m).double()
    for p, (rows, columns) in enumerate(sizes):
        if rows and columns:
            cost[p, :rows, :columns] = torch.rand(rows, columns).double()
            a[p, :rows], b[p, :columns] = 1 / rows, 1 / columns
    return cost, a, b


@pytest.mark.parametrize(
    "change",
    [{}, {"tolerance": 1e-3}, {"scheme": "multiplicative", "maxIterations": 100, "tolerance": 1e-9}, {"maxIterations": 1}],
)
def test_ragged_problems_are_those_of_the_plain_loop(change: dict) -> None:
    settings = SETTINGS | change
    sizes = [(5, 7), (1, 4), (3, 1), (0, 0), (1, 1), (6, 2)]
    cost, a, b = problems(sizes)
    cost.requires_grad_()
    eps = torch.tensor([0.1, 0.3, 0.05, 1.0, 0.2, 0.07]).double()
    costs, _, _ = Plan.apply(cost, a, b, eps, settings)
    weights = torch.arange(1, 7).double()
    (gradient,) = torch.autograd.grad((weights * costs).sum(), cost)
    for p, (n, m) in enumerate(sizes):
        if not n:
            assert costs[p] == 0 and not gradient[p].any()
            continue
        own = cost[p, :n, :m].detach().requires_grad_()
        value = plain(own, eps[p], settings)
        (wanted,) = torch.autograd.grad(weights[p] * value, own)
        torch.testing.assert_close(costs[p], value, atol=1e-9, rtol=1e-7)
        torch.testing.assert_close(gradient[p, :n, :m], wanted, atol=1e-7, rtol=1e-6)
        assert not gradient[p, n:].any() and not gradient[p, :, m:].any()


def test_the_implicit_gradient_is_that_of_the_converged_plan() -> None:
    settings = SETTINGS | {"maxIterations": 3000, "gradient": "implicit"}
    cost, a, b = problems([(4, 5), (3, 3)])
    cost.requires_grad_()
    eps = torch.tensor([0.2, 0.3]).double()
    costs, _, _ = Plan.apply(cost, a, b, eps, settings)
    (gradient,) = torch.autograd.grad(costs.sum(), cost)
    for at in [(0, 1, 2), (0, 3, 4), (1, 2, 0)]:
        step = torch.zeros_like(cost)
        step[at] = 1e-5
        up, down = (Plan.apply((cost + sign * step).detach(), a, b, eps, settings)[0].sum() for sign in (1, -1))
        torch.testing.assert_close(gradient[at], (up - down) / 2e-5, atol=1e-7, rtol=1e-4)


def test_the_envelope_holds_the_plan_fixed() -> None:
    cost, a, b = problems([(4, 5)])
    cost.requires_grad_()
    costs, plan, _ = Plan.apply(cost, a, b, torch.tensor([0.2]).double(), SETTINGS | {"gradient": "envelope"})
    assert torch.equal(torch.autograd.grad(costs.sum(), cost)[0], plan)


def test_costs_read_real_columns_alone() -> None:
    x, y = torch.randn(5, 3), torch.randn(4, 3)
    real = torch.tensor([[True] * 4])
    attention = cost_matrix(x[None], y[None], "attention", real)[0]
    torch.testing.assert_close(attention, 1 - torch.softmax(x @ y.T / 3**0.5, -1))
    assert padded(x, [2, 0, 3]).shape == (3, 3, 3)
    torch.testing.assert_close(padded(x, [2, 0, 3])[2], x[2:])
    same = cost_matrix(x[None], x[None], "sqeuclidean", torch.ones(1, 5, dtype=torch.bool))[0]
    assert not same.diagonal().any()
