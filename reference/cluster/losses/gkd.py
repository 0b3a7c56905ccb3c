"""GKD on one vocabulary, METHODS §10: the generalized Jensen–Shannon divergence at every response token."""

from typing import Any

from torch import Tensor

from data import Batch
from losses.divergence import divergence
from settings import Json


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    how = {"divergence": "generalized_js", "skew": settings["beta"], "temperature": settings["temperature"]}
    return {"gkd": divergence(student.logits, teacher.logits, how).sum() / batch.tokens}
