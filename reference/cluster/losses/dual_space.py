"""What DSKD and DSKD-CMA share: each model's states in the other's space, read there by the other's head."""

from typing import Any

from torch import Tensor, nn

from data import Batch
from losses.divergence import divergence
from settings import Json


def dual_space(
    settings: Json, batch: Batch, student: Any, teacher: Any, to_student: Tensor, to_teacher: Tensor, hits_only: bool
) -> dict[str, Tensor]:
    """`to_student` [R_s, d_s]: teacher states in the student's space, `to_teacher` [R_t, d_t] the other way round.

    CE(z, label) trains the projector, D(s, sg z) the student, forward KL(y, q) both: METHODS §5, §6.
    """
    labels = batch.main["student"].labels
    z = nn.functional.linear(to_student, student.head.detach())
    y = nn.functional.linear(to_teacher, teacher.head)
    kd = divergence(student.logits, z, settings, settings.get("teacherTemperature", 1.0))
    if hits_only:
        kd = kd * (z.argmax(-1) == labels)
    forward = {"temperature": settings["temperature"]}
    return {
        "ce_t2s": nn.functional.cross_entropy(z.float(), labels, reduction="sum") / batch.tokens,
        "kd_t2s": kd.sum() / batch.tokens,
        "kd_s2t": divergence(y, teacher.logits, forward).sum() / batch.tokens,
    }
