"""Projectors that begin where they preserve logits on the tokens that both vocabularies have (DSKDv2)."""

import torch
from torch import Tensor, nn

from settings import Json
from tokens import matched

RIDGE = 1e-9  # of the mean diagonal: keeps the normal equations solvable


def least_squares(a: Tensor, b: Tensor) -> Tensor:
    """X [p, q] of least ‖A·X − B‖ for A [n, p], B [n, q], by the normal equations in float64."""
    a, b = a.double(), b.double()
    gram = a.T @ a
    gram += torch.eye(len(gram)).double() * max(RIDGE * float(gram.trace()) / len(gram), 1e-300)
    return torch.cholesky_solve(a.T @ b, torch.linalg.cholesky(gram)).float()


@torch.no_grad()
def preserve_logits(projectors: nn.ModuleDict, own: Tensor, other: Tensor, vocabularies: Json) -> None:
    """t2s(H)·W_sᵀ ≈ H·W_tᵀ and s2t(h)·W_tᵀ ≈ h·W_sᵀ on shared tokens; heads `own` [V, d], `other` [V', d']. Biases 0."""
    student, teacher = matched(vocabularies, "bytes")
    w_s, w_t = own[student].cpu(), other[teacher].cpu()
    for name, start in (("t2s", least_squares(w_s, w_t)), ("s2t", least_squares(w_t, w_s))):
        projector = projectors[name]
        projector.weight.copy_(start)  # type: ignore[operator, union-attr]
        projector.bias.zero_()  # type: ignore[operator, union-attr]
