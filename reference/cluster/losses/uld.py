"""ULD, METHODS §3: probabilities by rank, k-th token against k-th token."""

from typing import Any

import torch
from torch import Tensor, nn

from data import Batch
from losses.pairs import paired_rows
from settings import Json


def sorted_distance(p: Tensor, q: Tensor) -> Tensor:
    """[N, V], [N, V'] -> [N]: Σ |sort↓ p − sort↓ q|, the narrower padded by zeros."""
    p, q = (x.sort(-1, descending=True).values for x in (p, q))
    width = max(p.shape[-1], q.shape[-1])
    p, q = (nn.functional.pad(x, (0, width - x.shape[-1])) for x in (p, q))
    return (p - q).abs().sum(-1)


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    s, t = paired_rows(batch)
    p, q = torch.softmax(student.logits[s].float(), -1), torch.softmax(teacher.logits[t].float(), -1)
    return {"uld": sorted_distance(p, q).sum() / batch.tokens}
