"""Vocabularies as alignments read them: the bytes of each token, chunks of equal text, tokens that both sides have."""

import re
from functools import lru_cache
from typing import Any

from data import Batch, Tokenizer
from settings import Json
from text_match import match_texts


def byte_of_char() -> dict[str, int]:
    """GPT-2's table: printable Latin-1 stands for itself, the other bytes for U+0100 onwards."""
    table, following = {}, 256
    for byte in range(256):
        printable = 32 < byte < 127 or (byte > 160 and byte != 173)
        table[chr(byte if printable else following)] = byte
        following += not printable
    return table


BYTE_OF_CHAR = byte_of_char()


class Vocabulary:
    """The tokens of one side: `raw` as the vocabulary writes them, `bytes` what they stand for."""

    def __init__(self, tokenizer: Tokenizer, facts: Json) -> None:
        self.size, self.scheme = facts["size"], facts["scheme"]
        self.space = "▁" if self.scheme == "metaspace" else "Ġ"
        self.special = {*facts["stops"], facts["pad"]}
        added = set(tokenizer.added_tokens_decoder)
        names = tokenizer.convert_ids_to_tokens(list(range(self.size)))
        self.raw: list[str] = [name if name is not None else "" for name in names]
        self.bytes = [self.read(name, id in added) for id, name in enumerate(self.raw)]

    def read(self, token: str, added: bool) -> bytes:
        if self.scheme == "metaspace":
            byte = re.fullmatch(r"<0x([0-9A-Fa-f]{2})>", token)
            return bytes([int(byte[1], 16)]) if byte else token.replace("▁", " ").encode()
        if self.scheme == "wordpiece":
            return re.sub(r"^##(?=.)", "", token, flags=re.S).encode()
        if not all(char in BYTE_OF_CHAR for char in token):
            return token.encode()
        found = bytes(BYTE_OF_CHAR[char] for char in token)
        try:
            found.decode()
        except UnicodeDecodeError:
            return token.encode() if added else found
        return found

    def texts(self, ids: list[int]) -> tuple[bytes, ...]:
        """Of a response's tokens; what ends it stands for no text."""
        return tuple(b"" if k == len(ids) - 1 and id in self.special else self.bytes[id] for k, id in enumerate(ids))


Chunk = list[int]  # student rows [0, 1), teacher rows [2, 3), counted from the first response row of their sample


@lru_cache(maxsize=100_000)
def align(student: tuple[bytes, ...], teacher: tuple[bytes, ...]) -> list[Chunk]:
    """A chunk closes where both sides' tokens end at the same place of the text, and none holds text that differs."""

    def first_by_end(tokens: tuple[bytes, ...]) -> tuple[list[int], dict[int, int]]:
        first: dict[int, int] = {}
        ends, at = [], 0
        for k, token in enumerate(tokens):
            at += len(token)
            ends.append(at)
            first.setdefault(at, k)
        return ends, first

    (ends, first_s), (_, first_t) = first_by_end(student), first_by_end(teacher)
    chunks: list[Chunk] = []
    byte_s = byte_t = from_s = from_t = following = last_a = last_b = 0
    differs = False

    def boundary(x: int, y: int) -> None:
        nonlocal byte_s, byte_t, from_s, from_t, differs
        k = from_s - 1 if x == byte_s else first_s.get(x)
        m = from_t - 1 if y == byte_t else first_t.get(y)
        if k is None or m is None or not (differs or (x > byte_s and y > byte_t)):
            return
        if not differs:
            chunks.append([from_s, k + 1, from_t, m + 1])
        byte_s, byte_t, from_s, from_t, differs = x, y, k + 1, m + 1, False

    for kind, a, b in match_texts(b"".join(student), b"".join(teacher)):
        differs = differs or kind == "different"
        while following < len(ends) and ends[following] < a:
            if kind == "same":
                boundary(ends[following], last_b + ends[following] - last_a)
            following += 1
        boundary(a, b)
        last_a, last_b = a, b
    return chunks


def chunks(batch: Batch, vocabularies: Json) -> list[list[Chunk]]:
    """The chunks of each sample of a batch. How many tokens they hold goes to the batch's report."""
    sides = [[part.tolist() for part in batch.main[r].labels.split(batch.main[r].sizes)] for r in ("student", "teacher")]
    texts = [[vocabularies[r].texts(ids) for ids in side] for r, side in zip(("student", "teacher"), sides, strict=True)]
    found = [align(s, t) for s, t in zip(*texts, strict=True)]
    cover(batch, texts, found)
    return found


def groups(batch: Batch, vocabularies: Json) -> list[list[Chunk]]:
    """The chunks, and after a sample's last one the two tokens that end its responses, where both do."""
    found = [list(row) for row in chunks(batch, vocabularies)]
    s, t = batch.main["student"], batch.main["teacher"]
    lasts = [[part.tolist() for part in side.labels.split(side.sizes)] for side in (s, t)]
    for row, own, other in zip(found, *lasts, strict=True):
        ends = own and other and own[-1] in vocabularies["student"].special and other[-1] in vocabularies["teacher"].special
        if ends and len(own) - 1 >= (row[-1][1] if row else 0):
            row.append([len(own) - 1, len(own), len(other) - 1, len(other)])
    return found


def aligned(settings: Json, batch: Batch, model: Any) -> list[list[Chunk]]:
    """As check_parity.py asks of a method."""
    return chunks(batch, model.vocabularies)


def cover(batch: Batch, texts: list[list[tuple[bytes, ...]]], found: list[list[Chunk]]) -> None:
    """Tokens with text that take part, and all of them, for metrics.jsonl."""
    for role, side, at in (("student", texts[0], 0), ("teacher", texts[1], 2)):
        counts = [sum(len(text) > 0 for text in row) for row in side]
        parts = [min(n, sum(c[at + 1] - c[at] for c in row)) for n, row in zip(counts, found, strict=True)]
        batch.report |= {f"covered_{role}": sum(parts), f"all_{role}": sum(counts)}


def matched(vocabularies: Json, by: str) -> tuple[list[int], list[int]]:
    """Student and teacher ids of the tokens that both vocabularies have, by student id."""
    student, teacher = vocabularies["student"], vocabularies["teacher"]
    spelled = [raw.replace(teacher.space, student.space) for raw in teacher.raw]
    if by == "spelling":
        ids: dict[str, int] = {}
        for id, text in enumerate(spelled):
            ids.setdefault(text, id)
        pairs = [(id, ids.pop(raw)) for id, raw in enumerate(student.raw) if raw in ids]
    else:
        own, others, pairs = by_bytes(student), by_bytes(teacher), []
        for key, mine in own.items():
            rest, unspelled = list(others.get(key, [])), []
            for id in mine:
                other = next((o for o in rest if spelled[o] == student.raw[id]), None)
                if other is None:
                    unspelled.append(id)
                else:
                    rest.remove(other)
                    pairs.append((id, other))
            pairs += zip(unspelled, rest, strict=False)
        pairs.sort()
    return [s for s, _ in pairs], [t for _, t in pairs]


def by_bytes(vocabulary: Vocabulary) -> dict[bytes, list[int]]:
    """Ids by what they stand for, ascending, a letter before the byte that is written <0x61>."""
    ids: dict[bytes, list[int]] = {}
    bytes_last = sorted(range(vocabulary.size), key=lambda id: bool(re.fullmatch(r"<0x..>", vocabulary.raw[id])))
    for id in bytes_last:
        if vocabulary.bytes[id]:
            ids.setdefault(vocabulary.bytes[id], []).append(id)
    return ids
