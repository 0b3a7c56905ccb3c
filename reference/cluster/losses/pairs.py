"""The k-th response row of a sample on either side, as far as both go."""

import torch
from torch import Tensor

from data import Batch


def paired_rows(batch: Batch) -> tuple[Tensor, Tensor]:
    """Row numbers on the student's and the teacher's side, of one length. What is left over is counted in the report."""
    s, t = batch.main["student"], batch.main["teacher"]
    shared = [min(n, m) for n, m in zip(s.sizes, t.sizes, strict=True)]
    rows = [torch.cat([torch.arange(start, start + n) for start, n in zip(side.starts, shared, strict=True)]) for side in (s, t)]
    batch.report |= {"covered_student": sum(shared), "covered_teacher": sum(shared)}
    batch.report |= {"all_student": sum(s.sizes), "all_teacher": sum(t.sizes)}
    return rows[0].to(s.ids.device), rows[1].to(s.ids.device)
