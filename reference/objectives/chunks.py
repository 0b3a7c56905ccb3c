"""Methods on chunks of equal text in plain PyTorch, written from METHODS §9. Logits and labels as in logits.py."""

from __future__ import annotations

import torch
from torch import Tensor

from logits import divergence_rows, response


def align(a: list[bytes], b: list[bytes]) -> list[tuple[list[int], list[int]]]:
    """Walk both texts; a group closes where both sides end on the same byte, as long as the texts agree."""
    groups, open_a, open_b = [], [], []
    text_a = text_b = b""
    i = j = 0
    while i < len(a) or j < len(b):
        if len(text_a) <= len(text_b) and i < len(a):
            text_a += a[i]
            open_a.append(i)
            i += 1
        elif j < len(b):
            text_b += b[j]
            open_b.append(j)
            j += 1
        else:
            break
        shared = min(len(text_a), len(text_b))
        if text_a[:shared] != text_b[:shared]:
            break
        if len(text_a) == len(text_b) and text_a:
            groups.append((open_a, open_b))
            open_a, open_b = [], []
    return groups


def text_bytes(tokens: list[str], ids: list[int], space: str) -> list[bytes]:
    return [tokens[i].replace(space, " ").encode() for i in ids]


def samples(case: dict, s: Tensor, q: Tensor):
    """Per sample: log-probabilities and labels of both responses, and the groups."""
    for b in range(len(s)):
        rows_s, rows_t = response(case["label_s"][b]), response(case["label_t"][b])
        x_s, x_t = case["label_s"][b][rows_s].tolist(), case["label_t"][b][rows_t].tolist()
        groups = align(
            text_bytes(case["student_tokens"], x_s, case["student_space"]),
            text_bytes(case["teacher_tokens"], x_t, case["teacher_space"]),
        )
        yield s[b][rows_s], q[b][rows_t].detach(), x_s, x_t, groups


def matched_vocabulary(case: dict) -> tuple[list[int], list[int]]:
    teacher = [t.replace(case["teacher_space"], case["student_space"]) for t in case["teacher_tokens"]]
    pairs = [(i, teacher.index(t)) for i, t in enumerate(case["student_tokens"]) if t in teacher]
    return [i for i, _ in pairs], [j for _, j in pairs]


def sorted_l1(a: Tensor, b: Tensor) -> Tensor:
    width = max(len(a), len(b))
    down = [torch.nn.functional.pad(x.sort(descending=True).values, (0, width - len(x))) for x in (a, b)]
    return (down[0] - down[1]).abs().sum()


def generalized_jsd(p: Tensor, q: Tensor, beta: float) -> Tensor:
    p, q = p.clamp_min(1e-8), q.clamp_min(1e-8)
    if beta == 0:
        return (q * (q / p).log()).sum()
    if beta == 1:
        return (p * (p / q).log()).sum()
    m = beta * q + (1 - beta) * p
    return beta * (q * (q / m).log()).sum() + (1 - beta) * (p * (p / m).log()).sum()


def merged(logits: Tensor, x: list[int], group: list[int]) -> Tensor:
    """"bayesian": the last token's distribution, times the probability of the tokens before it."""
    p = torch.softmax(logits, -1)
    out = p[group[-1]]
    for i in group[:-1]:
        out = out * p[i, x[i]].clamp_min(1e-8)
    return out


def gold(case: dict, s: Tensor, q: Tensor, settings: dict) -> Tensor:
    """Mean over samples of the mean over groups."""
    match_s, match_t = matched_vocabulary(case)
    total = s.new_zeros(())
    for student, teacher, x_s, x_t, groups in samples(case, s, q):
        for of_s, of_t in groups:
            p, t = merged(student, x_s, of_s), merged(teacher, x_t, of_t)
            if settings["mode"] == "uld":
                value = sorted_l1(p, t)
            else:
                share = settings["matchedWeight"]
                share = len(match_t) / len(t) if share is None else share
                other = settings["unmatchedWeight"]
                other = 1 - share if other is None else other
                rest_s = [v for v in range(len(p)) if v not in match_s]
                rest_t = [v for v in range(len(t)) if v not in match_t]
                value = share * generalized_jsd(p[match_s], t[match_t], settings["beta"])
                value = value + other * sorted_l1(p[rest_s], t[rest_t])
            total = total + value / len(groups)
    return total / len(s)


def word_ends(tokens: list[str], space: str) -> list[int]:
    return [v for v, token in enumerate(tokens) if token.replace(space, " ")[:1] in (" ", "\n", "\r", "\t")]


def alm(case: dict, s: Tensor, q: Tensor, temperature: float, debias: bool) -> Tensor:
    """`debias`: a chunk's likelihood includes that a word ends after it, as far as the response tells."""
    ends_s = word_ends(case["student_tokens"], case["student_space"])
    ends_t = word_ends(case["teacher_tokens"], case["teacher_space"])
    total = s.new_zeros(())
    for student, teacher, x_s, x_t, groups in samples(case, s, q):
        log_s, log_t = torch.log_softmax(student, -1), torch.log_softmax(teacher, -1)
        for of_s, of_t in groups:
            a = sum(log_s[i, x_s[i]] for i in of_s)
            b = sum(log_t[i, x_t[i]] for i in of_t)
            if debias and of_s[-1] + 1 < len(student):
                a = a + log_s[of_s[-1] + 1, ends_s].logsumexp(-1)
            if debias and of_t[-1] + 1 < len(teacher):
                end = log_t[of_t[-1] + 1, ends_t].logsumexp(-1)
                if end.exp() <= 1e-4:
                    continue
                b = b + end
            a, b = a / temperature, b / temperature
            total = total - (b.exp() * a + (1 - b.exp()) * torch.log(-torch.expm1(a))) / len(groups)
    return total / len(s)


def shared_vocabulary(case: dict, s: Tensor, q: Tensor, settings: dict) -> Tensor:
    """Sum over groups of one token on either side."""
    match_s, match_t = matched_vocabulary(case)
    total = s.new_zeros(())
    for student, teacher, _, _, groups in samples(case, s, q):
        for of_s, of_t in groups:
            if len(of_s) == 1 and len(of_t) == 1:
                rows = student[of_s[0]][None, match_s], teacher[of_t[0]][None, match_t]
                total = total + divergence_rows(*rows, settings).sum()
    return total
