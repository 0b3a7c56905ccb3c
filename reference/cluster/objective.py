"""loss = ((1 − r)·CE + r·KD)/tokens, and for CoT2Align + r·OT. KD is the method's own file in losses/."""

from importlib import import_module
from typing import Any

from torch import Tensor, nn

from data import Batch
from settings import Json


def inner_layers(method: Json, role: str) -> list[int]:
    """The blocks that transport reads beside the embedding and the last hidden state."""
    return [layer[role] for layer in method.get("transport", {}).get("layers", []) if layer["weight"] > 0]


def distillation(method: Json) -> Json | None:
    """The settings of the distillation term: the method itself, or CoT2Align's base."""
    if method["id"] in ("sft", "cot2align"):
        base = method.get("base", {"id": "none"})
        return None if base["id"] == "none" else base
    return method


def starts_at_heads(method: Json) -> bool:
    return (distillation(method) or {}).get("projectorInit") == "pseudo_inverse"


def terms(method: Json, batch: Batch, student: Json, teacher: Json, model: Any) -> dict[str, Tensor]:
    """The weighted terms by name; their sum is the loss. `student` and `teacher`: States by view ("main", "plain")."""
    rate = 0.0 if method["id"] == "sft" else method["kdRate"]
    logits, labels = student["main"].logits, batch.main["student"].labels
    ce = nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
    batch.report["hits"] = float((logits.argmax(-1) == labels).sum())
    weighted = {"ce": (1 - rate) * ce / batch.tokens}
    settings = distillation(method)
    if settings:
        loss = import_module(f"losses.{settings['id']}")
        parts = loss.terms(settings, batch, student["main"], teacher.get("main"), model)
        weighted |= {name: rate * value for name, value in parts.items()}
    if method["id"] == "cot2align":
        from transport import transport_terms

        sites = transport_terms(method, batch, student, teacher, model)
        weighted |= {name: rate * value for name, value in sites.items()}
    return weighted
