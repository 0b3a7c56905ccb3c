"""OPD, METHODS §10: −Σ sg(A_i)·log p_i[x_i], where A_i is the teacher's word on token i, shared out within chunks of equal text."""

from typing import Any

import torch
from torch import Tensor

from data import Batch, Side
from settings import Json
from tokens import aligned, groups  # noqa: F401

LEAST_SUM = 1e-8


def label_log_probs(logits: Tensor, side: Side) -> Tensor:
    """[R] log p of the token that each row predicts."""
    return torch.log_softmax(logits.float(), -1).gather(-1, side.labels[:, None]).squeeze(-1)


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    s, t, most = batch.main["student"], batch.main["teacher"], settings["maxChunk"]
    log_p, log_q = label_log_probs(student.logits, s), label_log_probs(teacher.logits, t)
    own, word = log_p.detach(), torch.zeros_like(log_p)
    for start_s, start_t, row in zip(s.starts, t.starts, groups(batch, model.vocabularies), strict=True):
        for s0, s1, t0, t1 in row:
            n, m = s1 - s0, t1 - t0
            if (most is not None and max(n, m) > most) or (settings["credit"] == "exact_boundaries" and max(n, m) > 1):
                continue
            mine, theirs = own[start_s + s0 : start_s + s1], log_q[start_t + t0 : start_t + t1].sum()
            whole = mine.sum()
            shared = settings["credit"] == "by_log_prob" and n > 1 and float(whole.abs()) >= LEAST_SUM
            word[start_s + s0 : start_s + s1] = (theirs - whole) / whole * mine if shared else theirs / n - mine
    if settings["clamp"] is not None:
        word = word.clamp(-settings["clamp"], settings["clamp"])
    return {"opd": -(word * log_p).sum() / batch.tokens}
