"""DSKD with cross-model attention, METHODS §6: attention between both sides' tokens in place of equal positions.

The three deviations are over the real positions of the whole micro-batch, prompts included, as in the browser's engine (the
published code also counts its padding): so they are summed over all ranks.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from data import Batch
from losses.dual_space import dual_space
from settings import Json


def deviation(values: list[Tensor]) -> Tensor:
    """Unbiased, from (count, sum, sum of squares)."""
    count, total, squares = values
    return ((squares - total**2 / count) / (count - 1)).clamp(min=0).sqrt()


def moments(x: Tensor) -> Tensor:
    x = x.double()
    return torch.stack([torch.tensor(x.numel(), device=x.device).double(), x.sum(), (x**2).sum()])


def deviations(batch: Batch, teacher: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Of the teacher's last hidden states, of its label embeddings, of inputs and labels together.

    Tokens outside the responses count as token 0.
    """
    hidden = moments(teacher.everywhere[batch.main["teacher"].mask.bool()])
    if dist.is_initialized():
        dist.all_reduce(hidden)
    tables = []
    for shift in (1, 0):  # labels, inputs
        ids: list[int] = []
        for s in batch.everyone:
            ids += [0] * (s["prompt"] - 1) + s["ids"][s["prompt"] - 1 + shift : len(s["ids"]) - 1 + shift]
        tables.append(moments(teacher.table[torch.tensor(ids, device=teacher.table.device)]))
    return deviation([*hidden]), deviation([*tables[0]]), deviation([*(tables[0] + tables[1])])


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    s, t, project = batch.main["student"], batch.main["teacher"], model.projectors
    own, table = student.table.detach(), teacher.table
    of_hidden, of_labels, of_keys = (x.float() for x in deviations(batch, teacher))
    queries = project["query"](torch.cat([own[s.inputs], own[s.labels]], -1))
    keys = torch.cat([table[t.inputs], table[t.labels]], -1).float()
    states = project["t2s"](teacher.hidden.float() / of_hidden + table[t.labels].float() / of_labels)
    scores = queries.float() @ keys.T / ((2 * table.shape[-1]) ** 0.5 * of_keys)  # [R_s, R_t]
    sample_s, sample_t = (torch.arange(len(x.sizes)).repeat_interleave(torch.tensor(x.sizes)) for x in (s, t))
    apart = (sample_s[:, None] != sample_t[None, :]).to(scores.device)
    scores = scores.masked_fill(apart, float("-inf"))
    to_student = torch.softmax(scores, -1) @ states.float()
    to_teacher = torch.softmax(scores.T, -1) @ project["s2t"](student.hidden).float()
    return dual_space(settings, batch, student, teacher, to_student, to_teacher, hits_only=True)
