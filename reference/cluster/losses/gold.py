"""GOLD over chunks of equal text, METHODS §9: what each chunk ends with, given the tokens before it ("bayesian" merge).

P_g = Π_{i in g without its last} max(p_i[x_i], 1e-8) · p_last; sorted L1, or JSD on the tokens that both vocabularies have.
"""

import math
from typing import Any

import torch
from torch import Tensor

from data import Batch, Side
from losses.uld import sorted_distance
from settings import Json
from tokens import aligned, chunks, matched  # noqa: F401

LEAST = math.log(1e-8)


def merged(logits: Tensor, side: Side, found: list[list[list[int]]], at: int, observed: bool) -> Tensor:
    """log P_g [G, V] of every chunk; `at` is where a chunk holds this side's rows.

    "observed", as published, reads each token one row late, where the next one is predicted.
    """
    log_p = torch.log_softmax(logits.float(), -1)
    taken = side.labels.roll(1) if observed else side.labels
    of_label = log_p.gather(-1, taken[:, None]).squeeze(-1).clamp(min=LEAST)
    spans = [(start + c[at], start + c[at + 1]) for start, row in zip(side.starts, found, strict=True) for c in row]
    rows = torch.tensor([start + 1 if observed else end - 1 for start, end in spans], device=logits.device)
    others = [of_label[start + 2 : end + 1] if observed else of_label[start : end - 1] for start, end in spans]
    return log_p[rows] + torch.stack([other.sum() for other in others])[:, None]


def without_lasts(batch: Batch, found: list[list[list[int]]]) -> list[list[list[int]]]:
    """Chunks as "observed" reads them: a response's last token has no row after it."""
    out = []
    for n, m, row in zip(batch.main["student"].sizes, batch.main["teacher"].sizes, found, strict=True):
        cut = [[c[0], min(c[1], n - 1), c[2], min(c[3], m - 1)] for c in row]
        out.append([c for c in cut if c[0] < c[1] and c[2] < c[3]])
    return out


def jsd(log_s: Tensor, log_t: Tensor, beta: float) -> Tensor:
    """[G, C] -> [G]; rows need not sum to 1; both sides are at least 1e-8."""
    log_s, log_t = log_s.clamp(min=LEAST), log_t.clamp(min=LEAST)
    s, t = log_s.exp(), log_t.exp()
    if beta == 0:
        return (t * (log_t - log_s)).sum(-1)
    if beta == 1:
        return (s * (log_s - log_t)).sum(-1)
    log_m = torch.logaddexp(log_s + math.log(1 - beta), log_t + math.log(beta))
    return (beta * t * (log_t - log_m) + (1 - beta) * s * (log_s - log_m)).sum(-1)


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    found, observed = chunks(batch, model.vocabularies), settings.get("merge") == "observed"
    if observed:
        found = without_lasts(batch, found)
    each = [1 / len(row) for row in found for _ in row]  # each sample's chunks share a weight of 1
    names = ("gold_sorted",) if settings["mode"] == "uld" else ("gold_matched", "gold_sorted")
    if not each:
        return {name: student.logits.sum() * 0.0 for name in names}
    weights = torch.tensor(each, device=student.logits.device) / batch.samples
    log_s = merged(student.logits, batch.main["student"], found, 0, observed)
    log_t = merged(teacher.logits, batch.main["teacher"], found, 2, observed)
    if settings["mode"] == "uld":
        return {"gold_sorted": (weights * sorted_distance(log_s.exp(), log_t.exp())).sum()}
    both_s, both_t = matched(model.vocabularies, settings["tokenMatch"])
    share = settings["matchedWeight"]
    share = len(both_t) / log_t.shape[-1] if share is None else share
    rest = settings["unmatchedWeight"]
    rest = 1 - share if rest is None else rest
    if not (len(both_s) < log_s.shape[-1] and len(both_t) < log_t.shape[-1]):
        rest = 0.0  # a side has nothing that is not matched
    other_s, other_t = (sorted(set(range(x.shape[-1])) - set(ids)) for x, ids in ((log_s, both_s), (log_t, both_t)))
    distance = sorted_distance(log_s[:, other_s].exp(), log_t[:, other_t].exp())
    return {
        "gold_matched": share * (weights * jsd(log_s[:, both_s], log_t[:, both_t], settings["beta"])).sum(),
        "gold_sorted": rest * (weights * distance).sum(),
    }
