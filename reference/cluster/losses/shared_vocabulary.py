"""A divergence over the tokens that both vocabularies have, where both sides cut one token alike, METHODS §9."""

from typing import Any

from torch import Tensor

from data import Batch
from losses.divergence import divergence
from settings import Json
from tokens import aligned, chunks, matched  # noqa: F401


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    found, s, t = chunks(batch, model.vocabularies), batch.main["student"], batch.main["teacher"]
    single = [[c for c in row if c[1] - c[0] == 1 and c[3] - c[2] == 1] for row in found]
    batch.report |= {f"covered_{role}": sum(map(len, single)) for role in ("student", "teacher")}
    rows = [(a + c[0], b + c[2]) for a, b, row in zip(s.starts, t.starts, single, strict=True) for c in row]
    if not rows:
        return {"shared_vocabulary": student.logits.sum() * 0.0}
    own, other = ([pair[k] for pair in rows] for k in (0, 1))
    both_s, both_t = matched(model.vocabularies, settings["tokenMatch"])
    loss = divergence(student.logits[own][:, both_s], teacher.logits[other][:, both_t], settings)
    return {"shared_vocabulary": loss.sum() / batch.tokens}
