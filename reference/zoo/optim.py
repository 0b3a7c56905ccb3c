"""Muon for the matrices inside the blocks, AdamW for embeddings, head and norms.

Muon replaces a matrix's momentum by its nearest orthogonal matrix, found by a few
Newton-Schulz steps. For models this small it needs far fewer tokens than AdamW alone.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # quintic coefficients of the Muon authors
NEWTON_SCHULZ_STEPS = 5


def orthogonalise(batch: Tensor) -> Tensor:
    """Push the singular values of each matrix in a batch (N, R, C) towards one."""
    a, b, c = NEWTON_SCHULZ
    tall = batch.shape[-2] > batch.shape[-1]
    x = (batch.mT if tall else batch).bfloat16()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return (x.mT if tall else x).float()


class MuonAdamW:
    """Both optimizers behind one `step(scale)`, where scale is the schedule's factor."""

    def __init__(self, model: nn.Module, muon_lr: float, adam_lr: float, decay: float = 0.02, momentum: float = 0.95) -> None:
        inner = [p for name, p in model.named_parameters() if p.dim() == 2 and (".layers." in name or ".h." in name)]
        chosen = {id(p) for p in inner}
        self.params = list(model.parameters())
        self.adam = torch.optim.AdamW([p for p in self.params if id(p) not in chosen],
                                      lr=adam_lr, betas=(0.9, 0.98), weight_decay=decay)
        self.muon_lr, self.adam_lr, self.decay, self.momentum = muon_lr, adam_lr, decay, momentum
        # GPT-2 stores a matrix as (in, out), Llama as (out, in); the rate depends on which is the larger.
        self.inputs_first = any(".h." in name for name, _ in model.named_parameters())
        by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for p in inner:
            by_shape[p.shape].append(p)
        self.groups = [(ps, torch.zeros(len(ps), *shape)) for shape, ps in by_shape.items()]

    @torch.no_grad()
    def step(self, scale: float) -> None:
        """One update from the gradients in `.grad`, which are clipped and then cleared."""
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        for group in self.adam.param_groups:
            group["lr"] = self.adam_lr * scale
        self.adam.step()
        lr = self.muon_lr * scale
        for params, velocity in self.groups:
            grads = torch.stack([p.grad for p in params])
            velocity.mul_(self.momentum).add_(grads)
            update = orthogonalise(grads + self.momentum * velocity)
            rows, cols = reversed(params[0].shape) if self.inputs_first else params[0].shape
            for p, u in zip(params, update):
                p.mul_(1 - lr * self.decay).add_(u, alpha=-lr * max(1.0, rows / cols) ** 0.5)
        for p in self.params:
            p.grad = None
