"""OPD's control without a teacher, METHODS §10: tokens that the student finds unlikely are pushed down by one advantage."""

import math
from typing import Any

from torch import Tensor, nn

from data import Batch
from settings import Json


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    labels = batch.main["student"].labels
    log_p = -nn.functional.cross_entropy(student.logits.float(), labels, reduction="none")
    unlikely = log_p.detach() < (math.log(settings["unlikely"]) if settings["unlikely"] > 0 else -1e30)
    return {"fixed_advantage": settings["penalty"] * (unlikely * log_p).sum() / batch.tokens}
