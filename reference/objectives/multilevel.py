"""MultiLevelOT in plain PyTorch, written from METHODS §9. Logits and labels as in logits.py."""

from __future__ import annotations

import torch
from torch import Tensor

from logits import response


def leading(logits: Tensor, temperature: float, top: int) -> Tensor:
    """[n, V] -> [n, top]: probabilities of the tokens that are likeliest over the sequence."""
    scaled = logits / (logits.std(-1, keepdim=True) + 1e-4)
    p = torch.softmax(scaled / temperature, -1)
    order = p.sum(0).argsort(descending=True)[:top]
    return p[:, order]


def token_level(a: Tensor, b: Tensor) -> Tensor:
    n = min(len(a), len(b))
    a, b = a[:n], b[:n]
    entropy = -(torch.softmax(b, -1) * torch.log_softmax(a, -1)).sum()
    return (a - b).abs().sum() + 0.1 * entropy


def sequence_level(a: Tensor, b: Tensor) -> Tensor:
    """Rows are the teacher's positions, columns the student's; the columns are normalised last."""
    cost = torch.cdist(torch.softmax(b / 2, -1), torch.softmax(a / 2, -1), p=1)
    plan = torch.exp(-cost / 0.1)
    for _ in range(10):
        plan = plan / plan.sum(1, keepdim=True)
        plan = plan / plan.sum(0, keepdim=True)
    return 0.1 * 0.001 * (plan * cost).sum()


def multilevel(s: Tensor, q: Tensor, labels_s: Tensor, labels_t: Tensor, temperature: float) -> Tensor:
    """Token level summed over positions, plus sequence level summed over samples."""
    total = s.new_zeros(())
    top = min(50, s.shape[-1], q.shape[-1])
    for b in range(len(s)):
        student = leading(s[b][response(labels_s[b])], temperature, top)
        teacher = leading(q[b][response(labels_t[b])].detach(), temperature, top)
        total = total + token_level(student, teacher) + sequence_level(student, teacher)
    return total
