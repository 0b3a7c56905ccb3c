"""Reverse KL on the teacher's K likeliest tokens of each row, METHODS §10; ties go to the lowest id.

`truncated` also pushes the student's mass out of the K tokens; `repaired` has its value without that push; `renormalized` rescales
both sides to the K tokens.
"""

from typing import Any

import torch
from torch import Tensor

from data import Batch
from settings import Json


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    t, width = settings["temperature"], min(student.logits.shape[-1], teacher.logits.shape[-1])
    s, q = (x.logits[:, :width].float() / t for x in (student, teacher))
    top = q.sort(dim=-1, descending=True, stable=True).indices[:, : settings["topK"]]
    if settings["form"] == "renormalized":
        log_p, log_q = (torch.log_softmax(x.gather(-1, top), -1) for x in (s, q))
    else:
        log_p, log_q = (torch.log_softmax(x, -1).gather(-1, top) for x in (s, q))
    loss = (log_p.exp() * (log_p - log_q)).sum()
    if settings["form"] == "repaired":
        pull = ((log_p.exp() * (log_p - log_q)).detach() * log_p).sum()
        loss = loss.detach() + pull - pull.detach()
    return {"reverse_kl_top_k": loss / batch.tokens}
