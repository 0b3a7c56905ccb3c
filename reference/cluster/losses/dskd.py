"""DSKD between models that share a tokenizer, METHODS §5."""

from typing import Any

from torch import Tensor

from data import Batch
from losses.dual_space import dual_space
from settings import Json


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    to_student = model.projectors["t2s"](teacher.hidden)
    to_teacher = model.projectors["s2t"](student.hidden)
    return dual_space(settings, batch, student, teacher, to_student, to_teacher, hits_only=False)
