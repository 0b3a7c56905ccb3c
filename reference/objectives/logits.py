"""Methods on logits in plain PyTorch, written from METHODS §2 to §4: the oracle of our fixtures.

Logits are [B, L, V]; a label of -100 marks a position that is not in the response. Sums over response positions.
"""

from __future__ import annotations

import torch
from torch import Tensor

IGNORED = -100


def response(labels: Tensor) -> Tensor:
    return labels != IGNORED


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    rows = response(labels)
    return -torch.log_softmax(logits[rows], -1).gather(-1, labels[rows][:, None]).sum()


def divergence_rows(s: Tensor, q: Tensor, settings: dict, use_teacher_temperature: bool = False) -> Tensor:
    """D of each row of s [N, V] and q [N, V]."""
    temperature = settings["temperature"]
    teacher = temperature * (settings.get("teacherTemperature", 1.0) if use_teacher_temperature else 1.0)
    log_p = torch.log_softmax(s / temperature, -1)
    log_t = torch.log_softmax(q.detach() / teacher, -1)
    p, t = log_p.exp(), log_t.exp()
    forward = (t * (log_t - log_p)).sum(-1)
    reverse = (p * (log_p - log_t)).sum(-1)
    kind, skew = settings["divergence"], settings.get("skew", 0.1)
    if kind == "forward_kl":
        return forward
    if kind == "reverse_kl":
        return reverse
    if kind == "symmetric_kl":
        return (forward + reverse) / 2
    if kind == "js":
        m, eps = (p + t) / 2, 1e-9
        log_m = torch.log(m + eps)
        return 0.5 * (t * (torch.log(t + eps) - log_m) + p * (torch.log(p + eps) - log_m)).sum(-1)
    if kind == "skewed_forward_kl":
        return (t * (log_t - torch.log(skew * t + (1 - skew) * p))).sum(-1)
    if kind == "skewed_reverse_kl":
        return (p * (log_p - torch.log((1 - skew) * t + skew * p))).sum(-1)
    if kind == "adaptive_kl":
        ascending, order = torch.sort(t, dim=-1)
        gap = (ascending - p.gather(-1, order)).abs()
        tail = ascending.cumsum(-1) < settings.get("adaptiveAlpha", 0.5)
        high = (gap * ~tail).sum(-1).detach()
        low = (gap * tail).sum(-1).detach()
        return high / (high + low) * forward + low / (high + low) * reverse
    raise ValueError(kind)


def kd(s: Tensor, q: Tensor, labels: Tensor, settings: dict) -> Tensor:
    """Both models share positions and vocabulary; unequal widths are cut to the smaller."""
    rows = response(labels)
    width = min(s.shape[-1], q.shape[-1])
    return divergence_rows(s[rows][:, :width], q[rows][:, :width], settings).sum()


def uld(s: Tensor, q: Tensor, labels_s: Tensor, labels_t: Tensor) -> Tensor:
    total = s.new_zeros(())
    for b in range(len(s)):
        p = torch.softmax(s[b][response(labels_s[b])], -1)
        t = torch.softmax(q[b][response(labels_t[b])].detach(), -1)
        for k in range(min(len(p), len(t))):
            width = max(p.shape[-1], t.shape[-1])
            down = [torch.nn.functional.pad(x.sort(descending=True).values, (0, width - len(x))) for x in (p[k], t[k])]
            total = total + (down[0] - down[1]).abs().sum()
    return total


def edit_distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def vocabulary_map(teacher: list[str], student: list[str], space_t: str, space_s: str) -> list[int]:
    """The student's token of each teacher token: the same text, or else the first of the nearest."""
    exact = {token: i for i, token in reversed(list(enumerate(student)))}
    out = []
    for token in teacher:
        wanted = token.replace(space_t, space_s)
        if wanted in exact:
            out.append(exact[wanted])
            continue
        distances = [edit_distance(wanted, other) for other in student]
        out.append(distances.index(min(distances)))
    return out


def dtw_path(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """The cheapest monotone path, from the end to the start; of equal moves diagonal, then i-1, then j-1."""
    n, m = len(a), len(b)
    cost = [[float("inf")] * (m + 1) for _ in range(n + 1)]
    move = [[0] * (m + 1) for _ in range(n + 1)]
    cost[0][0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            options = [cost[i - 1][j - 1], cost[i - 1][j], cost[i][j - 1]]
            best = options.index(min(options))
            move[i][j] = best
            cost[i][j] = options[best] + edit_distance(a[i - 1], b[j - 1])
    path, i, j = [], n, m
    while i > 0 and j > 0:
        path.append((i - 1, j - 1))
        i, j = i - (move[i][j] != 2), j - (move[i][j] != 1)
    return path


def mined(
    s: Tensor,
    q: Tensor,
    ids_s: Tensor,
    ids_t: Tensor,
    labels_s: Tensor,
    labels_t: Tensor,
    tokens_s: list[str],
    tokens_t: list[str],
    space_s: str,
    space_t: str,
    temperature: float,
) -> Tensor:
    to_student = vocabulary_map(tokens_t, tokens_s, space_t, space_s)
    inverse: dict[int, int] = {}
    for teacher_id, student_id in enumerate(to_student):
        inverse.setdefault(student_id, teacher_id)
    total = s.new_zeros(())
    for b in range(len(s)):
        rows_s, rows_t = response(labels_s[b]), response(labels_t[b])
        input_s, input_t = ids_s[b][rows_s].tolist(), ids_t[b][rows_t].tolist()
        label = labels_s[b][rows_s].tolist()
        texts_t = [tokens_t[i].replace(space_t, "") for i in input_t]
        texts_s = [tokens_s[i].replace(space_s, "") for i in input_s]
        path = dtw_path(texts_t, texts_s)
        student, teacher = s[b][rows_s], q[b][rows_t].detach()
        for j in range(len(input_s)):
            partners = [i for i, other in path if other == j]
            target = torch.full_like(student[j].detach(), -1e5)
            if len(partners) == 1 and to_student[input_t[partners[0]]] == input_s[j]:
                for student_id, teacher_id in inverse.items():
                    target[student_id] = teacher[partners[0]][teacher_id]
            else:
                target[label[j]] = 100
            total = total + divergence_rows(
                student[j][None], target[None], {"divergence": "forward_kl", "temperature": temperature}
            ).sum()
    return total
