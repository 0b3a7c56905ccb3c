"""MinED, METHODS §4: the teacher's logits moved into the student's vocabulary by edit distance.

A student row whose only partner under dynamic time warping maps to the token that it reads takes the partner's logits; any other
row takes 100 at its label. The vocabulary map of a large pair takes minutes: it is kept in vocabulary_map.json.
"""

import json
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from data import Batch
from losses.divergence import divergence
from settings import HERE, Json


@lru_cache(maxsize=1_000_000)
def edit_distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def spelling(vocabulary: Any, by: str) -> tuple[list[str], str]:
    """The tokens as texts, and their space mark: as written, or one character a byte."""
    if by == "bytes":
        return [token.decode("latin-1") for token in vocabulary.bytes], " "
    return vocabulary.raw, vocabulary.space


@lru_cache(maxsize=1)
def vocabulary_map(student: tuple[str, ...], teacher: tuple[str, ...]) -> list[int]:
    """The student's token of each teacher token: the same text, or else the first of the nearest."""
    file = HERE / "vocabulary_map.json"
    if file.exists():
        return json.loads(file.read_text())
    exact = {token: id for id, token in reversed(list(enumerate(student)))}
    by_length = sorted(range(len(student)), key=lambda id: (len(student[id]), id))
    found = []
    for token in teacher:
        best = (exact[token], 0) if token in exact else (-1, 1 << 30)
        for id in [] if token in exact else sorted(by_length, key=lambda id: abs(len(student[id]) - len(token))):
            if abs(len(student[id]) - len(token)) > best[1]:
                break
            distance = edit_distance(token, student[id])
            if (distance, id) < (best[1], best[0] if best[0] >= 0 else id + 1):
                best = (id, distance)
        found.append(best[0])
    if torch.distributed.is_initialized() is False or torch.distributed.get_rank() == 0:
        file.write_text(json.dumps(found))
    return found


def warp(a: list[str], b: list[str]) -> list[list[int]]:
    """For each j of b, the i of a on the cheapest monotone path; of equal moves diagonal, then i−1, then j−1."""
    n, m, inf = len(a), len(b), float("inf")
    cost = [[inf] * (m + 1) for _ in range(n + 1)]
    cost[0][0] = 0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost[i][j] = min(cost[i - 1][j - 1], cost[i - 1][j], cost[i][j - 1]) + edit_distance(a[i - 1], b[j - 1])
    paths: list[list[int]] = [[] for _ in b]
    i, j = n, m
    while i > 0 and j > 0:
        paths[j - 1].insert(0, i - 1)
        moves = [cost[i - 1][j - 1], cost[i - 1][j], cost[i][j - 1]]
        best = moves.index(min(moves))
        i, j = i - (best != 2), j - (best != 1)
    return paths


@lru_cache(maxsize=100_000)
def partners_of(own: tuple[str, ...], other: tuple[str, ...]) -> list[list[int]]:
    return warp(list(other), list(own))


def partners(batch: Batch, vocabularies: Json, by: str) -> list[list[int]]:
    """The teacher's row of each student row, counted within its sample; −1 where the label stands in."""
    (texts_s, space_s), (texts_t, space_t) = (spelling(vocabularies[role], by) for role in ("student", "teacher"))
    to_student = vocabulary_map(tuple(texts_s), tuple(text.replace(space_t, space_s) for text in texts_t))
    s, t = batch.main["student"], batch.main["teacher"]
    out = []
    for own, other in zip(s.inputs.split(s.sizes), t.inputs.split(t.sizes), strict=True):
        ids, others = own.tolist(), other.tolist()
        paths = partners_of(
            tuple(texts_s[id].replace(space_s, "") for id in ids),
            tuple(texts_t[id].replace(space_t, "") for id in others),
        )
        one = zip(paths, ids, strict=True)
        out.append([p[0] if len(p) == 1 and to_student[others[p[0]]] == id else -1 for p, id in one])
    taken = [(b, i) for b, row in enumerate(out) for i in row if i >= 0]
    batch.report |= {"covered_student": len(taken), "covered_teacher": len(set(taken))}
    batch.report |= {"all_student": sum(s.sizes), "all_teacher": sum(t.sizes)}
    return out


def aligned(settings: Json, batch: Batch, model: Any) -> list[list[int]]:
    return partners(batch, model.vocabularies, settings["tokenMatch"])


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    s, t, by = batch.main["student"], batch.main["teacher"], settings["tokenMatch"]
    found = partners(batch, model.vocabularies, by)
    (texts_s, space_s), (texts_t, space_t) = (spelling(model.vocabularies[role], by) for role in ("student", "teacher"))
    to_student = vocabulary_map(tuple(texts_s), tuple(text.replace(space_t, space_s) for text in texts_t))
    inverse: dict[int, int] = {}
    for teacher_id, student_id in enumerate(to_student):
        inverse.setdefault(student_id, teacher_id)
    own, other = list(inverse), list(inverse.values())
    rows = [i if i < 0 else start + i for start, row in zip(t.starts, found, strict=True) for i in row]
    source = torch.tensor(rows, device=s.labels.device)
    target = torch.full(student.logits.shape, -1e5, device=s.labels.device)
    target[:, own] = teacher.logits.float()[source.clamp(min=0)][:, other]
    label = torch.full_like(target, -1e5).scatter_(1, s.labels[:, None], 100.0)
    target = torch.where((source >= 0)[:, None], target, label)
    loss = divergence(student.logits, target, {"temperature": settings["temperature"]})
    return {"mined": loss.sum() / batch.tokens}
