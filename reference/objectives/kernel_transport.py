"""CoT2Align's transport as its released code computes it, METHODS §7: the loop in the kernel domain, its constants, and
autograd through every iteration. Written from METHODS, not from the shaders.
"""

from __future__ import annotations

import torch
from torch import Tensor

from logits import response
from projections import linear

DELTA = 1e-9


def kernel_cost(x: Tensor, y: Tensor, kind: str) -> Tensor:
    if kind == "attention":
        return 1 - torch.softmax(x @ y.T / x.shape[-1] ** 0.5, dim=-1)
    if kind == "cosine":
        norms = x.norm(dim=-1).clamp(min=1e-8)[:, None] * y.norm(dim=-1).clamp(min=1e-8)[None, :]
        return 1 - x @ y.T / norms
    return torch.cdist(x, y, p=2)


def etp(x: Tensor, y: Tensor, kind: str, alpha: float, iterations: int, stop: float = 1e-9) -> Tensor:
    """<T, M>; nothing is detached."""
    M = kernel_cost(x, y, kind)
    n, m = M.shape
    a = torch.full((n,), 1 / n, dtype=M.dtype)
    b = torch.full((m,), 1 / m, dtype=M.dtype)
    K = torch.exp(-alpha * M)
    u = torch.full((n,), 1 / n, dtype=M.dtype)
    for k in range(1, iterations + 1):
        v = b / (K.T @ u + DELTA)
        u = a / (K @ v + DELTA)
        if k % 50 == 1 and (v * (K.T @ u) - b).abs().sum() <= stop:
            break
    return (u[:, None] * K * v[None, :] * M).sum()


def transport_total(case: dict, projectors: dict[str, Tensor], settings: dict) -> dict[str, Tensor]:
    """The OT terms by name. `case` holds tensors by field; without label_s_raw there is one pair of views."""
    kind, alpha, iterations = settings["cost"], settings["alpha"], settings["maxIterations"]
    batch = len(case["label_s"])
    published = settings.get("masks", "intended") == "as_published"

    def pair(student: str, teacher: str, kind_of_state: str) -> Tensor:
        states, hidden = case[f"s_{kind_of_state}{student}"], case[f"t_{kind_of_state}{teacher}"].detach()
        rows_s, rows_t = response(case[f"label_s{student}"]), response(case[f"label_t{teacher}"])
        crossed = student != teacher
        total, counted = states.new_zeros(()), 0
        for b in range(batch):
            x, y = states[b][rows_s[b]], linear(hidden[b][rows_t[b]], projectors, "ot")
            if len(x) > 0 and len(y) > 0:
                counted += 1
                total = total + etp(x, y, kind, alpha, iterations)
        # As intended, a sample that lacks the second view does not count in a crossed pair.
        return total / (4 * (counted if crossed and not published else batch))

    terms = {"ot_hidden": pair("", "", "hid"), "ot_embedding": pair("", "", "emb")}
    if "label_s_raw" in case:
        terms["ot_hidden_plain_cot"] = pair("_raw", "", "hid")
        terms["ot_embedding_plain_cot"] = pair("_raw", "", "emb")
        if not published:  # the published teacher masks of the raw view are all -100
            terms["ot_hidden_cot_plain"] = pair("", "_raw", "hid")
            terms["ot_embedding_cot_plain"] = pair("", "_raw", "emb")
    return terms
