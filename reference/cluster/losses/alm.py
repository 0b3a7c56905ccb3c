"""ALM, METHODS §9: both models should find each chunk of text equally likely.

l(c) = Σ_{i∈c} log p_i[x_i], with `debias` plus the log-probability that a word ends after c; the binary cross entropy of
exp(l_T/τ) and exp(l_S/τ), over chunks where the teacher gives that end more than 1e-4.
"""

import math
from typing import Any

import torch
from torch import Tensor

from data import Batch, Side
from settings import Json
from tokens import Vocabulary, aligned, chunks  # noqa: F401


def word_ends(vocabulary: Vocabulary, width: int) -> list[int]:
    """Tokens before which a word ends: those that begin with white space, or stand for no text."""
    ends = [id in vocabulary.special or vocabulary.bytes[id][:1] in (b" ", b"\n", b"\r", b"\t") for id in range(vocabulary.size)]
    return [id for id, end in enumerate(ends) if end and id < width]


def likelihoods(logits: Tensor, side: Side, found: list[list[list[int]]], at: int, ends: list[int] | None) -> tuple[Tensor, Tensor]:
    """l(c) of every chunk [G], and the end's part of it (0 where the response ends with the chunk)."""
    log_p = torch.log_softmax(logits.float(), -1)
    of_label = log_p.gather(-1, side.labels[:, None]).squeeze(-1)
    sums, after = [], []
    for start, size, row in zip(side.starts, side.sizes, found, strict=True):
        for chunk in row:
            sums.append(of_label[start + chunk[at] : start + chunk[at + 1]].sum())
            after.append(start + chunk[at + 1] if chunk[at + 1] < size else -1)
    text = torch.stack(sums)
    if ends is None:
        return text, torch.zeros_like(text)
    rows = torch.tensor(after, device=logits.device)
    end = torch.logsumexp(log_p[rows.clamp(min=0)][:, ends], -1).clamp(min=math.log(1e-30))
    end = torch.where(rows >= 0, end, 0.0)
    return text + end, end


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    found, tau = chunks(batch, model.vocabularies), settings["temperature"]
    each = [1 / len(row) for row in found for _ in row]
    if not each:
        return {"alm": student.logits.sum() * 0.0}
    parts = []
    for states, role, at in ((student, "student", 0), (teacher, "teacher", 2)):
        ends = word_ends(model.vocabularies[role], states.logits.shape[-1]) if settings["debias"] else None
        parts.append(likelihoods(states.logits, batch.main[role], found, at, ends))
    (l_s, _), (l_t, end) = parts
    x, y = ((part / tau).clamp(max=-1e-6) for part in (l_s, l_t))
    loss = -(y.exp() * x + (1 - y.exp()) * torch.log(-torch.expm1(x)))
    weights = torch.tensor(each, device=loss.device) / batch.samples * (end > math.log(1e-4))
    return {"alm": (weights * loss).sum()}
