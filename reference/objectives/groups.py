"""Methods over given groups, in plain PyTorch, written from METHODS §10: a case as `couplet objective` reads it.

Everything is float64, row by row and column by column as the equations stand; nothing here knows how Couplet does it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

IGNORED = -100
METHODS = ("gkd", "gold", "x_token", "simct", "simple_ctkd", "opd", "fixed_advantage", "reverse_kl_top_k")
DEFAULTS = {
    "gkd": {"beta": 0.5, "temperature": 1.0},
    "gold": {"mode": "hybrid", "merge": "bayesian", "beta": 0.5, "matchedWeight": None, "unmatchedWeight": None},
    "x_token": {"variant": "p_kl", "temperature": 1.0, "topK": 8192, "strict": False},
    "simct": {"divergence": "reverse_kl", "span": "logit_mean", "temperature": 1.0},
    "simple_ctkd": {"divergence": "reverse_kl", "temperature": 1.0},
    "opd": {"credit": "by_log_prob", "clamp": 10.0, "maxChunk": 6},
    "fixed_advantage": {"penalty": 1.0, "unlikely": 0.1},
    "reverse_kl_top_k": {"topK": 32, "form": "repaired", "temperature": 1.0},
}


def kl(a: Tensor, log_a: Tensor, log_b: Tensor) -> Tensor:
    """Sum of a (log a - log b); an entry with a = 0 counts 0."""
    return torch.where(a > 0, a * (log_a - log_b), torch.zeros_like(a)).sum(-1)


def jsd(p: Tensor, log_p: Tensor, q: Tensor, log_q: Tensor, beta: float) -> Tensor:
    """beta KL(q|m) + (1-beta) KL(p|m), m = (1-beta) p + beta q; the ends are KL(q|p) and KL(p|q)."""
    if beta == 0:
        return kl(q, log_q, log_p)
    if beta == 1:
        return kl(p, log_p, log_q)
    log_m = torch.logaddexp(log_p + math.log(1 - beta), log_q + math.log(beta))
    return beta * kl(q, log_q, log_m) + (1 - beta) * kl(p, log_p, log_m)


class Sample:
    """Predictor rows and labels of one sample's responses."""

    def __init__(self, case: dict, b: int, s: Tensor, t: Tensor | None) -> None:
        rows = [p for p, x in enumerate(case["label_s"][b]) if x != IGNORED]
        self.z, self.x = s[b][rows], [case["label_s"][b][p] for p in rows]
        if t is not None:
            rows = [p for p, x in enumerate(case["label_t"][b]) if x != IGNORED]
            self.q, self.y = t[b][rows], [case["label_t"][b][p] for p in rows]
        self.groups = [tuple(g) for g in (case.get("groups") or [[]] * (b + 1))[b]]


def overlap(case: dict, with_ends: bool) -> tuple[list[int], list[int]]:
    """Equal strings, the lowest id of each; then pairs of ends of which not both are there yet."""
    space_s, space_t = case.get("student_space", "Ġ"), case.get("teacher_space", "▁")
    first_s: dict[str, int] = {}
    first_t: dict[str, int] = {}
    for i, token in enumerate(case["student_tokens"]):
        first_s.setdefault(token, i)
    for i, token in enumerate(case["teacher_tokens"]):
        first_t.setdefault(token.replace(space_t, space_s), i)
    pairs = [(i, first_t[token]) for token, i in first_s.items() if token in first_t]
    if with_ends:
        for s, t in case.get("ends") or []:
            if not (s in [a for a, _ in pairs] and t in [b for _, b in pairs]):
                pairs.append((s, t))
    return [a for a, _ in pairs], [b for _, b in pairs]


def gkd(case: dict, s: Tensor, settings: dict) -> list[Tensor]:
    T, out = settings["temperature"], []
    for b in range(len(s)):
        rows = [p for p, x in enumerate(case["label_s"][b]) if x != IGNORED]
        log_p = torch.log_softmax(s[b][rows] / T, -1)
        log_q = torch.log_softmax(case["t_logits_same"][b][rows] / T, -1)
        out.append(jsd(log_p.exp(), log_p, log_q.exp(), log_q, settings["beta"]).sum())
    return out


def reverse_kl_top_k(case: dict, s: Tensor, settings: dict) -> list[Tensor]:
    T, out = settings["temperature"], []
    k = min(settings["topK"], s.shape[-1])
    for b in range(len(s)):
        total = s.new_zeros(())
        for p, x in enumerate(case["label_s"][b]):
            if x == IGNORED:
                continue
            q_row = case["t_logits_same"][b][p]
            best = sorted(range(len(q_row)), key=lambda v: (-q_row[v].item(), v))[:k]
            log_p, log_q = torch.log_softmax(s[b][p] / T, -1)[best], torch.log_softmax(q_row / T, -1)[best]
            if settings["form"] == "renormalized":
                log_p, log_q = log_p - log_p.logsumexp(-1), log_q - log_q.logsumexp(-1)
            term = kl(log_p.exp(), log_p, log_q)
            if settings["form"] == "repaired":
                weight = (log_p.exp() * (log_p - log_q)).detach()
                surrogate = (weight * log_p).sum()
                term = term.detach() + surrogate - surrogate.detach()
            total = total + term
        out.append(total)
    return out


def merged(z: Tensor, x: list[int], lo: int, hi: int, merge: str) -> Tensor:
    """bayesian: p of the last row, times those that the rows before gave their tokens. observed: as published, each token is
    read at its own position, one row later: p of the first, times what the later ones give *their* tokens."""
    p = torch.softmax(z, -1)
    if merge == "bayesian":
        out = p[hi - 1]
        for k in range(lo, hi - 1):
            out = out * p[k, x[k]].clamp_min(1e-8)
        return out
    out = p[lo + 1]
    for k in range(lo + 1, hi):
        out = out * p[k + 1, x[k]].clamp_min(1e-8)
    return out


def sorted_l1(a: Tensor, b: Tensor) -> Tensor:
    n = max(len(a), len(b))
    a, b = (torch.nn.functional.pad(x.sort(descending=True).values, (0, n - len(x))) for x in (a, b))
    return (a - b).abs().sum()


def gold(case: dict, s: Tensor, t: Tensor, settings: dict) -> list[Tensor]:
    out = []
    merge = settings["merge"]
    for b in range(len(s)):
        sample = Sample(case, b, s, t)
        groups = sample.groups
        if merge == "observed":  # the last label's own row does not exist: it is cut off
            n, m = len(sample.x) - 1, len(sample.y) - 1
            groups = [(a, min(c, n), d, min(e, m)) for a, c, d, e in groups]
            groups = [g for g in groups if g[0] < g[1] and g[2] < g[3]]
        total = s.new_zeros(())
        for s0, s1, t0, t1 in groups:
            P = merged(sample.z, sample.x, s0, s1, merge)
            Q = merged(sample.q, sample.y, t0, t1, merge)
            if settings["mode"] == "uld":
                D = sorted_l1(P, Q)
            else:
                c_s, c_t = overlap(case, with_ends=False)
                w_m = settings["matchedWeight"]
                w_m = len(c_t) / t.shape[-1] if w_m is None else w_m
                if not c_s:
                    w_m = 0.0
                w_u = settings["unmatchedWeight"]
                w_u = 1 - w_m if w_u is None else w_u
                p, q = P[c_s].clamp_min(1e-8), Q[c_t].clamp_min(1e-8)
                rest_s = [v for v in range(len(P)) if v not in c_s]
                rest_t = [v for v in range(len(Q)) if v not in c_t]
                D = w_m * jsd(p, p.log(), q, q.log(), settings["beta"]) if c_s else s.new_zeros(())
                if rest_s and rest_t:
                    D = D + w_u * sorted_l1(P[rest_s], Q[rest_t])
            total = total + D / len(groups)
        out.append(total)
    return out


def x_token(case: dict, s: Tensor, t: Tensor, settings: dict) -> tuple[list[Tensor], int]:
    T, top = settings["temperature"], settings["topK"]
    width = min(t.shape[-1], len(case["teacher_tokens"])) if case.get("teacher_tokens") else t.shape[-1]
    t = t[..., :width]
    Vs = s.shape[-1]
    indices, values = case["w"]["indices"], case["w"]["values"]
    samples = [Sample(case, b, s, t) for b in range(len(s))]
    count = sum(len(sample.groups) for sample in samples)
    if settings["variant"] == "p_kl":
        largest = torch.cat([sample.q for sample in samples]).max(0).values.tolist()
        K = sorted(range(width), key=lambda u: (-largest[u], u))[: min(top, width)]
        W = s.new_zeros(Vs, width)
        for v in range(Vs):
            for u, w in zip(indices[v], values[v]):
                if u >= 0:
                    W[v, u] += w

        def chunk(sample: Sample, s0: int, s1: int, t0: int, t1: int) -> Tensor:
            hat = (torch.softmax(sample.z[s0:s1] / T, -1) @ W)[:, K].mean(0)
            log_p = torch.log(hat / (hat.sum() + 1e-10) + 1e-10)
            log_q = torch.log_softmax(sample.q[t0:t1][:, K] / T, -1).mean(0)
            return kl(log_q.exp(), log_q, log_p)

    else:
        wanted: dict[int, tuple[float, int]] = {}
        for v in range(Vs):
            row = [(u, w) for u, w in zip(indices[v], values[v]) if u >= 0]
            if not row:
                continue
            if settings["strict"]:
                if len(row) != 1 or row[0][1] != 1:
                    continue
                u, w = row[0]
                if u not in wanted:
                    wanted[u] = (w, v)
            else:
                u, w = max(row, key=lambda pair: pair[1])
                if w < 0.6:
                    continue
                if u not in wanted or w > wanted[u][0]:
                    wanted[u] = (w, v)
        c_t = sorted(wanted)
        c_s = [wanted[u][1] for u in c_t]
        rest_s = [v for v in range(Vs) if v not in c_s]
        rest_t = [u for u in range(width) if u not in c_t]

        def chunk(sample: Sample, s0: int, s1: int, t0: int, t1: int) -> Tensor:
            log_p = torch.log_softmax(sample.z[s0:s1] / T, -1).mean(0)
            log_q = torch.log_softmax(sample.q[t0:t1] / T, -1).mean(0)
            common = kl(log_q[c_t].exp(), log_q[c_t], log_p[c_s]) if c_t else s.new_zeros(())
            n = min(len(rest_s), len(rest_t), top)
            a = log_p[rest_s].exp().sort(descending=True).values[:n]
            b = log_q[rest_t].exp().sort(descending=True).values[:n]
            return common + (a - b).abs().sum()

    out = []
    for sample in samples:
        total = s.new_zeros(())
        for group in sample.groups:
            total = total + T**2 * chunk(sample, *group)
        out.append(total)
    return out, count


def divergence(row_s: Tensor, row_t: Tensor, settings: dict) -> Tensor:
    log_p = torch.log_softmax(row_s / settings["temperature"], -1)
    log_q = torch.log_softmax(row_t / settings["temperature"], -1)
    if settings["divergence"] == "reverse_kl":
        return kl(log_p.exp(), log_p, log_q)
    return kl(log_q.exp(), log_q, log_p)


def simct(case: dict, s: Tensor, t: Tensor, settings: dict) -> list[Tensor]:
    c_s, c_t = overlap(case, with_ends=True)
    log = settings["span"] == "log_prob"

    def row(z: Tensor, x: list[int], lo: int, hi: int, columns: list[int], span: bool) -> Tensor:
        values = torch.log_softmax(z[lo:hi], -1) if log else z[lo:hi]
        own = torch.stack([values[k, x[lo + k]] for k in range(hi - lo)])
        entries = [values[0][columns]]
        if span:
            entries.append((own.sum() if log else own.mean())[None])
        return torch.cat(entries)

    out = []
    for b in range(len(s)):
        sample, total = Sample(case, b, s, t), s.new_zeros(())
        for s0, s1, t0, t1 in sample.groups:
            span = s1 - s0 > 1 or t1 - t0 > 1
            row_s = row(sample.z, sample.x, s0, s1, c_s, span)
            row_t = row(sample.q, sample.y, t0, t1, c_t, span)
            total = total + divergence(row_s, row_t, settings)
        out.append(total)
    return out


def simple_ctkd(case: dict, s: Tensor, t: Tensor, settings: dict) -> list[Tensor]:
    c_s, c_t = overlap(case, with_ends=True)
    pairs = {*zip(c_s, c_t), *(tuple(pair) for pair in case.get("ends") or [])}
    out = []
    for b in range(len(s)):
        sample, total = Sample(case, b, s, t), s.new_zeros(())
        for s0, s1, t0, t1 in sample.groups:
            if s1 - s0 == 1 and t1 - t0 == 1 and (sample.x[s0], sample.y[t0]) in pairs:
                total = total + divergence(sample.z[s0][c_s], sample.q[t0][c_t], settings)
        out.append(total)
    return out


def opd(case: dict, s: Tensor, t: Tensor, settings: dict) -> tuple[list[Tensor], list[list[float]]]:
    out, advantages = [], []
    for b in range(len(s)):
        sample = Sample(case, b, s, t)
        log_p = torch.log_softmax(sample.z, -1).gather(-1, torch.tensor(sample.x)[:, None])[:, 0]
        log_q = torch.log_softmax(sample.q, -1).gather(-1, torch.tensor(sample.y)[:, None])[:, 0]
        c = log_p.detach()
        A = torch.zeros_like(c)
        for s0, s1, t0, t1 in sample.groups:
            n, m = s1 - s0, t1 - t0
            if settings["maxChunk"] is not None and max(n, m) > settings["maxChunk"]:
                continue
            L_S, L_T = c[s0:s1].sum(), log_q[t0:t1].sum()
            for i in range(s0, s1):
                if settings["credit"] == "exact_boundaries":
                    A[i] = L_T - c[i] if n == 1 and m == 1 else 0.0
                elif settings["credit"] == "by_log_prob" and abs(L_S) >= 1e-8:
                    A[i] = (L_T / L_S - 1) * c[i]
                else:
                    A[i] = L_T / n - c[i]
        if settings["clamp"] is not None:
            A = A.clamp(-settings["clamp"], settings["clamp"])
        out.append(-(A * log_p).sum())
        advantages.append(A.tolist())
    return out, advantages


def fixed_advantage(case: dict, s: Tensor, settings: dict) -> tuple[list[Tensor], list[list[float]]]:
    out, advantages = [], []
    for b in range(len(s)):
        sample = Sample({**case, "groups": None}, b, s, None)
        log_p = torch.log_softmax(sample.z, -1).gather(-1, torch.tensor(sample.x)[:, None])[:, 0]
        A = torch.where(log_p.detach().exp() < settings["unlikely"], -settings["penalty"], 0.0)
        out.append(-(A * log_p).sum())
        advantages.append(A.tolist())
    return out, advantages


def evaluate(raw: dict) -> dict:
    """Value, parts by sample and the gradient of s_logits; advantages where the method has them. reduction sum or mean."""
    method = raw["objective"]["method"]
    settings = {**DEFAULTS[method], **{k: v for k, v in raw["objective"].items()}}
    case = dict(raw)
    s = torch.tensor(raw["s_logits"], dtype=torch.float64, requires_grad=True)
    t = torch.tensor(raw["t_logits"], dtype=torch.float64) if "t_logits" in raw else None
    if "t_logits_same" in raw:
        case["t_logits_same"] = torch.tensor(raw["t_logits_same"], dtype=torch.float64)
    advantages, divisor = None, 1
    if method in ("gkd", "reverse_kl_top_k"):
        samples = globals()[method](case, s, settings)
    elif method == "opd":
        samples, advantages = opd(case, s, t, settings)
    elif method == "fixed_advantage":
        samples, advantages = fixed_advantage(case, s, settings)
    elif method == "x_token":
        samples, divisor = x_token(case, s, t, settings)
    else:
        samples = globals()[method](case, s, t, settings)
    loss = torch.stack(samples).sum() / max(divisor, 1)
    if loss.requires_grad:
        loss.backward()
    grad = torch.zeros_like(s) if s.grad is None else s.grad
    return {
        "loss": loss.item(),
        "samples": [part.item() for part in samples],
        "grads": {"s_logits": grad.tolist()},
        **({} if advantages is None else {"advantages": advantages}),
    }
