"""DSKD and DSKD-CMA in plain PyTorch, written from METHODS §5 and §6: the oracle of our fixtures.

Hidden states and logits are [B, L, .]; a label of -100 marks a position that is not in the response. The student's
head and embedding table are detached wherever they occur, so that with tied weights a wrong stop-gradient shows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from logits import IGNORED, divergence_rows, response


def linear(x: Tensor, projectors: dict[str, Tensor], name: str) -> Tensor:
    return x @ projectors[f"{name}.weight"].T + projectors[f"{name}.bias"]


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Per row."""
    return -torch.log_softmax(logits, -1).gather(-1, labels[:, None])[:, 0]


def forward_kl(y: Tensor, q: Tensor, settings: dict) -> Tensor:
    return divergence_rows(y, q, {**settings, "divergence": "forward_kl"}).sum()


def dskd(
    s: Tensor,
    q: Tensor,
    h: Tensor,
    H: Tensor,
    labels_s: Tensor,
    labels_t: Tensor,
    head_s: Tensor,
    head_t: Tensor,
    projectors: dict[str, Tensor],
    settings: dict,
) -> dict[str, Tensor]:
    """One tokenizer: position p of the teacher is position p of the student."""
    rows_s, rows_t = response(labels_s), response(labels_t)
    z = linear(H.detach()[rows_s], projectors, "t2s") @ head_s.detach().T
    y = linear(h[rows_t], projectors, "s2t") @ head_t.detach().T
    return {
        "ce_t2s": label_loss(z, labels_s[rows_s]).sum(),
        "kd_t2s": divergence_rows(s[rows_s], z.detach(), settings).sum(),
        "kd_s2t": forward_kl(y, q[rows_t], settings),
    }


def cma(
    s: Tensor,
    q: Tensor,
    h: Tensor,
    H: Tensor,
    ids_s: Tensor,
    ids_t: Tensor,
    labels_s: Tensor,
    labels_t: Tensor,
    head_s: Tensor,
    head_t: Tensor,
    table_s: Tensor,
    table_t: Tensor,
    projectors: dict[str, Tensor],
    settings: dict,
) -> dict[str, Tensor]:
    rows_s, rows_t = response(labels_s), response(labels_t)

    def embedded(table: Tensor, ids: Tensor, rows: Tensor) -> Tensor:
        return table.detach()[torch.where(rows, ids, torch.zeros_like(ids))]

    S = torch.cat([embedded(table_s, ids_s, rows_s), embedded(table_s, labels_s, rows_s)], -1)
    label_t = embedded(table_t, labels_t, rows_t)
    U = torch.cat([embedded(table_t, ids_t, rows_t), label_t], -1)
    queries = linear(S, projectors, "query")
    keys = U / U.std()  # one unbiased number over the whole tensor, prompt and padding included
    values_t = linear(H.detach() / H.detach().std() + label_t / label_t.std(), projectors, "t2s")
    values_s = linear(h, projectors, "s2t")
    mask = rows_s[:, :, None].to(s.dtype) * rows_t[:, None, :].to(s.dtype)
    align = queries @ keys.transpose(1, 2) / (2 * H.shape[-1]) ** 0.5 + (1 - mask) * -1e5
    z = torch.softmax(align, -1) @ values_t @ head_s.detach().T
    y = torch.softmax(align.transpose(1, 2), -1) @ values_s @ head_t.detach().T

    z_rows = z[rows_s]
    hit = z_rows.argmax(-1) == labels_s[rows_s]
    divergence = divergence_rows(s[rows_s], z_rows.detach(), settings, use_teacher_temperature=True)
    return {
        "ce_t2s": label_loss(z_rows, labels_s[rows_s]).sum(),
        "kd_t2s": (divergence * hit).sum(),
        "kd_s2t": forward_kl(y[rows_t], q[rows_t], settings),
    }


__all__ = ["IGNORED", "cma", "dskd", "linear"]
