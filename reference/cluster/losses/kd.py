"""KD on one vocabulary, METHODS §2: a divergence at every response token."""

from typing import Any

from torch import Tensor

from data import Batch
from losses.divergence import divergence
from settings import Json


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    return {"kd": divergence(student.logits, teacher.logits, settings).sum() / batch.tokens}
