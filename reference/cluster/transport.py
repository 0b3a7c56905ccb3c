"""Entropic optimal transport between student and projected teacher states, METHODS §7: batched, ragged, in the log domain.

OT = Σ_b ⟨P_b, C_b⟩/(4·B), C_b the costs of a sample's response rows, P_b by Sinkhorn sweeps g ← g(f), f ← f(g) from f = 0:

    g_j = ε(log b_j − log Σ_i exp((f_i − C_ij)/ε)),   f_i = ε(log a_i − log Σ_j exp((g_j − C_ij)/ε)),
    P_ij = exp((f_i + g_j − C_ij)/ε)

A problem stops by itself once the columns of its plan miss b by at most `tolerance` (L1); the published scheme looks at that
after sweeps 1, 51, … alone, and adds 1e-9 to every sum of K·u and K·v.
"""

from typing import Any

import torch
from torch import Tensor

from data import Batch, Side
from settings import Json

PUBLISHED_DELTA, PUBLISHED_EVERY = 1e-9, 50


def padded(x: Tensor, sizes: list[int]) -> Tensor:
    """[R, d] rows, sample after sample -> [B, max rows, d], zeros beyond each sample's."""
    width = max(1, *sizes)
    parts = [torch.nn.functional.pad(part, (0, 0, 0, width - len(part))) for part in x.split(sizes)]
    return torch.stack(parts)


def inside(sizes: list[int], device: torch.device) -> Tensor:
    """[B, max rows], True where padded() has a row."""
    return torch.arange(max(1, *sizes), device=device) < torch.tensor(sizes, device=device)[:, None]


def cost_matrix(x: Tensor, y: Tensor, kind: str, columns: Tensor) -> Tensor:
    """[B, n, d], [B, m, d] -> [B, n, m]"""
    if kind == "cosine":
        unit = [z / z.norm(dim=-1, keepdim=True).clamp(min=1e-8) for z in (x, y)]
        return 1 - unit[0] @ unit[1].mT
    if kind == "attention":
        scores = x @ y.mT / x.shape[-1] ** 0.5
        return 1 - torch.softmax(scores.masked_fill(~columns[:, None], -1e30), -1)
    distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return distance**2 if kind == "sqeuclidean" else distance


def attention_received(x: Tensor, real: Tensor) -> Tensor:
    """[B, n, d] -> [B, n]: a token's mass is the mean attention that it gets from its own sequence's states."""
    cost = cost_matrix(x.detach(), x.detach(), "attention", real)
    return ((1 - cost) * real[:, :, None]).sum(1) / real.sum(-1, keepdim=True).clamp(min=1)


class Plan(torch.autograd.Function):
    """(⟨P, C⟩ [B], P [B, n, m], sweeps [B]) of costs [B, n, m], masses a, b and epsilons; all zero where there is no row.

    The gradient to C is that of exactly the sweeps that were done ("unrolled": reverse over the potentials of every sweep,
    which is all that is kept), P itself ("envelope"), or that of the converged plan ("implicit"): docs/SINKHORN.md.
    """

    @staticmethod
    def forward(ctx: Any, cost: Tensor, a: Tensor, b: Tensor, eps: Tensor, settings: Json) -> tuple[Tensor, Tensor, Tensor]:
        published = settings["scheme"] == "multiplicative"
        delta = PUBLISHED_DELTA if published else 0.0
        rows, columns, e = a > 0, b > 0, eps[:, None]
        scaled = (cost / eps[:, None, None]).masked_fill(~(rows[:, :, None] & columns[:, None]), float("inf"))
        log_a, log_b = a.clamp(min=1e-37).log(), b.clamp(min=1e-37).log()

        def update(log_mass: Tensor, sums: Tensor, real: Tensor) -> Tensor:  # in units of ε
            sums = torch.log(sums.exp() + delta) if delta else sums
            return (log_mass - sums).masked_fill(~real, 0.0)

        f = (-rows.sum(-1, keepdim=True).clamp(min=1).log() * rows) if published else torch.zeros_like(a)
        g, done = torch.zeros_like(b), torch.zeros_like(eps, dtype=torch.long)
        active = rows.any(-1) & columns.any(-1)
        history, sums = [(f, g)], torch.logsumexp(f[:, :, None] - scaled, 1)
        for k in range(1, settings["maxIterations"] + 1):
            new_g = update(log_b, sums, columns)
            new_f = update(log_a, torch.logsumexp(new_g[:, None] - scaled, 2), rows)
            f, g = torch.where(active[:, None], new_f, f), torch.where(active[:, None], new_g, g)
            sums = torch.logsumexp(f[:, :, None] - scaled, 1)
            error = ((g + sums).exp() * columns - b).abs().sum(-1)
            done += active
            history.append((f, g))
            if settings["tolerance"] > 0 and (not published or k % PUBLISHED_EVERY == 1):
                active = active & ~(error <= settings["tolerance"])
                if not active.any():
                    break
        plan = (f[:, :, None] + g[:, None] - scaled).exp()
        ctx.save_for_backward(cost, plan, a, b, e, scaled, done)
        ctx.history, ctx.gradient = history, settings["gradient"]
        ctx.mark_non_differentiable(plan, done)
        return (plan * cost).sum((1, 2)), plan, done

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        cost, plan, a, b, e, scaled, done = ctx.saved_tensors
        dcost = plan  # "envelope"
        if ctx.gradient == "unrolled":
            dcost = unrolled(cost, plan, a, b, e, scaled, done, ctx.history)
        elif ctx.gradient == "implicit":
            from implicit import implicit

            dcost = implicit(cost, plan, e)
        return grads[0][:, None, None] * dcost, None, None, None, None


def unrolled(
    cost: Tensor, plan: Tensor, a: Tensor, b: Tensor, e: Tensor, scaled: Tensor, done: Tensor, history: list[Any]
) -> Tensor:
    q = plan * cost / e[:, :, None]
    dcost, f_bar, g_bar = plan - q, q.sum(2), q.sum(1)
    share = lambda pull, mass: torch.where(mass > 0, pull / mass.clamp(min=1e-37), 0.0)
    for k in range(len(history) - 1, 0, -1):
        (f_before, _), (f, g) = history[k - 1], history[k]
        took = (done >= k)[:, None]
        at_f, at_g = ((x[:, :, None] + g[:, None] - scaled).exp() for x in (f, f_before))
        p = share(f_bar, a) * took
        g_bar = g_bar - (at_f.mT @ p[:, :, None]).squeeze(-1)
        r = share(g_bar, b) * took
        dcost = dcost + at_f * p[:, :, None] + at_g * r[:, None]
        f_bar = torch.where(took, -(at_g @ r[:, :, None]).squeeze(-1), f_bar)
        g_bar = torch.where(took, torch.zeros_like(g_bar), g_bar)
    return dcost


def sites(method: Json) -> list[tuple[str, Any, Any, float, int, str, str]]:
    """(name, student's layer, teacher's layer, weight, its number, student's view, teacher's view) of every pair of states."""
    transport = method["transport"]
    layers = [(end, end, end, transport[end]) for end in ("embedding", "hidden")]
    layers += [(f"layer_{x['student']}_{x['teacher']}", x["student"], x["teacher"], x["weight"]) for x in transport["layers"]]
    views = [("", "main", "main")]
    if method["crossCot"]:
        views.append(("_plain_cot", "plain", "main"))
        if method["masks"] == "intended":  # the published masks leave nothing of this pair
            views.append(("_cot_plain", "main", "plain"))
    active = [layer for layer in layers if layer[3] > 0]
    return [
        (f"ot_{name}{suffix}", s, t, weight, number, of_s, of_t)
        for number, (name, s, t, weight) in enumerate(active)
        for suffix, of_s, of_t in views
    ]


def transport_terms(method: Json, batch: Batch, student: Json, teacher: Json, model: Any) -> dict[str, Tensor]:
    """The transport terms by name, without the share r; what they have to say goes to the batch's report."""
    settings, views = method["transport"], {"main": batch.main, "plain": batch.plain}
    all_sites = sites(method)
    shares = None
    if model.layer_weights is not None:  # L·softmax(θ): all layers begin with weight 1
        shares = torch.softmax(model.layer_weights, -1) * len(model.layer_weights)
    losses = {}
    for name, s, t, weight, number, of_s, of_t in all_sites:
        sides = views[of_s]["student"], views[of_t]["teacher"]  # type: ignore[index]
        states = layer_of(student[of_s], s), layer_of(teacher[of_t], t)
        costs, plan, a, b, *more = solve(settings, sides, states, model.projectors["ot"])
        published = method["masks"] == "as_published" or of_s == of_t
        counted = batch.samples if published else batch.pairs
        share = 1.0 if shares is None else shares[number]
        losses[name] = share * weight * costs.sum() / (4 * max(1, counted))
        report(batch.report, name, settings, plan, a, b)
        if batch.plans is not None:
            cost, eps, sweeps = more
            batch.plans[name] = (of_s, of_t, cost, plan, eps, sweeps)
    return losses


def layer_of(states: Any, layer: Any) -> Tensor:
    return states.layers[layer] if isinstance(layer, int) else getattr(states, layer)


def solve(settings: Json, sides: tuple[Side, Side], states: tuple[Tensor, Tensor], project: Any) -> tuple[Tensor, ...]:
    """(⟨P, C⟩ [B], P, a, b) of one pair of states; a sample that lacks rows on either side has masses 0 and costs 0."""
    with torch.autocast(states[0].device.type, enabled=False):  # float32 also where the models run in bfloat16
        both = [n > 0 and m > 0 for n, m in zip(sides[0].sizes, sides[1].sizes, strict=True)]
        own, other = states[0].float(), states[1].float()
        x, raw = padded(own, sides[0].sizes), padded(other, sides[1].sizes)
        y = padded(project(other), sides[1].sizes)
        real = [inside([n * on for n, on in zip(side.sizes, both, strict=True)], x.device) for side in sides]
        real = [torch.nn.functional.pad(r, (0, z.shape[1] - r.shape[1])) for r, z in zip(real, (x, y), strict=True)]
        if settings["marginals"] == "attention":
            a, b = attention_received(x, real[0]), attention_received(raw, real[1])
        else:
            a, b = (r / r.sum(-1, keepdim=True).clamp(min=1) for r in real)
        cell = real[0][:, :, None] & real[1][:, None]
        cost = cost_matrix(x, y, settings["cost"], real[1]) * cell
        mean = (cost.sum((1, 2)) / cell.sum((1, 2)).clamp(min=1)).detach()
        relative = settings["relative"] & (mean > 0)
        eps = torch.where(relative, settings["epsilon"] * mean, torch.full_like(mean, settings["epsilon"]))
        costs, plan, sweeps = Plan.apply(cost, a, b, eps, settings)  # type: ignore[no-untyped-call]
        return costs, plan, a, b, cost, eps, sweeps


def report(into: dict[str, float], name: str, settings: Json, plan: Tensor, a: Tensor, b: Tensor) -> None:
    """As metrics.jsonl tells it: marginal errors made anew from the plan, and how far it is from the product of its marginals."""
    solved = a.sum(-1) > 0
    error = torch.maximum((plan.sum(2) - a).abs().sum(-1), (plan.sum(1) - b).abs().sum(-1))[solved]
    product = a[:, :, None] * b[:, None]
    entropy = lambda x: -torch.special.xlogy(x, x).sum((1, 2))[solved].sum()
    off = torch.where(product > 0, plan / product.clamp(min=1e-37) - 1, 0.0).abs().max() if solved.any() else 0.0
    into["max marginalError"] = max(into.get("max marginalError", 0.0), float(error.max()) if len(error) else 0.0)
    into["unconverged"] = into.get("unconverged", 0.0) + float((error > settings["tolerance"]).sum())
    into[f"gauge {name} count"] = float(solved.sum())
    into[f"gauge {name} entropy"], into[f"gauge {name} productEntropy"] = float(entropy(plan)), float(entropy(product))
    into[f"max gauge {name} maxDeviation"] = float(off)
