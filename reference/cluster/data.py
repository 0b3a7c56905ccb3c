"""Rows as tokens, the order that they come in, and micro-batches: the engine's own, so that losses can be compared.

x = start ++ prompt ++ response ++ end, inputs x[:-1], labels x[1:]. R, the response rows, are the positions that predict a
token of the response; methods see these rows alone, one sample after the other.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from datasets import Dataset, load_dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from settings import HERE, Json

Tokenizer = PreTrainedTokenizerBase
Sequence = dict[str, Any]  # {"ids": tokens, "prompt": how many of them come before the response}


def encode(tokenizer: Tokenizer, facts: Json, prompt: str, response: str, chat: Json | None) -> Sequence:
    """One text in tokens, cut as the run cuts it: the prompt on its right, then the whole on its right."""
    ids = lambda text: tokenizer.encode(text, add_special_tokens=False)
    if chat is None:
        before = ids(prompt)
        if before[: len(facts["start"])] != facts["start"]:
            before = facts["start"] + before
        said = ids(response) + facts["end"]
    else:  # a conversation in the model's own template, tokenized as a whole and cut where the reply begins
        before, whole = ids(chat["prompt"]), ids(chat["prompt"] + chat["reply"])
        at = len(before)
        if whole[:at] != before:
            encoded = tokenizer(chat["prompt"] + chat["reply"], add_special_tokens=False, return_offsets_mapping=True)
            at = next(i for i, (_, end) in enumerate(encoded["offset_mapping"]) if end > len(chat["prompt"]))
        before, said = whole[:at], whole[at:]
        if not (chat["closed"] or said[-1] in tokenizer.added_tokens_decoder):
            said = said + [facts["eos"]]
    kept = before[: facts["maxPrompt"]]
    return {"ids": (kept + said)[: facts["maxLength"]], "prompt": len(kept)}


def load_rows(part: str, tokenizers: dict[str, Tokenizer], run: Json) -> Dataset:
    """data/PART.jsonl with the columns `main` and `plain`: {"student": Sequence, "teacher": Sequence}, plain or None."""

    def tokens(row: Json) -> Json:
        def sides(prompt: str, output: str, chats: Json | None) -> Json:
            return {
                role: encode(tokenizers[role], run["tokenizers"][role], prompt, output, (chats or {}).get(role))
                for role in ("student", "teacher")
            }

        plain = row["plain_output"] is not None
        return {
            "main": sides(row["prompt"], row["output"], row["chat"]),
            "plain": sides(row["plain_prompt"], row["plain_output"], row["plain_chat"]) if plain else None,
        }

    rows = load_dataset("json", data_files=str(HERE / "data" / f"{part}.jsonl"), split="train")
    return rows.map(tokens, desc=f"tokenizing {part}", load_from_cache_file=False, keep_in_memory=True)


def mulberry32(state: int) -> Iterator[float]:
    """The engine's generator: uniform numbers in [0, 1) from 32 bits of state."""
    while True:
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        t = ((state ^ (state >> 15)) * (1 | state)) & 0xFFFFFFFF
        t ^= (t + ((t ^ (t >> 7)) * (61 | t))) & 0xFFFFFFFF
        yield (t ^ (t >> 14)) / 2**32


def derive_seed(seed: int, stream: str) -> int:
    """A seed of its own for each use of randomness."""
    h = seed ^ 0x811C9DC5
    for char in stream:
        h = ((h ^ ord(char)) * 0x01000193) & 0xFFFFFFFF
    return h


def row_order(count: int, seed: int) -> Iterator[int]:
    """Row numbers without end: every row once an epoch, each epoch shuffled anew."""
    epoch = 0
    while True:
        order, rng = list(range(count)), mulberry32(derive_seed(derive_seed(seed, "data"), f"epoch {epoch}"))
        for i in range(count - 1, 0, -1):
            j = math.floor(next(rng) * (i + 1))
            order[i], order[j] = order[j], order[i]
        yield from order
        epoch += 1


@dataclass
class Side:
    """One model's part of one view of a micro-batch of B samples."""

    ids: Tensor  # [B, T] inputs, padded on the right; a sample without this view is padding alone
    mask: Tensor  # [B, T] 1 where they are real
    rows: Tensor  # [R] b·T + p of each response row
    sizes: list[int]  # response rows of each sample; they sum to R
    labels: Tensor  # [R] the token that each row predicts
    inputs: Tensor  # [R] the token that each row reads

    @property
    def starts(self) -> list[int]:
        """The first row of each sample."""
        return [sum(self.sizes[:b]) for b in range(len(self.sizes))]


View = dict[str, Side]  # {"student": Side, "teacher": Side}


@dataclass
class Batch:
    """A rank's part of a micro-batch, and the counts of the whole step that losses are divided by."""

    main: View
    plain: View | None  # where the method reads both views
    tokens: int  # the student's response tokens
    samples: int
    pairs: int  # samples with a plain view
    everyone: list[Sequence]  # the teacher's sequences of the whole micro-batch, on every rank
    report: dict[str, float] = field(default_factory=dict)  # what losses have to say beside their values
    plans: dict[str, Any] | None = None  # transport's plans by term, where they are asked for


def make_side(sequences: list[Sequence | None], pad: int, device: torch.device) -> Side:
    lengths = [len(s["ids"]) - 1 if s else 0 for s in sequences]
    width = max(1, *lengths)
    ids = torch.full((len(sequences), width), pad)
    mask = torch.zeros_like(ids)
    rows: list[int] = []
    labels: list[int] = []
    for b, s in enumerate(sequences):
        if s:
            ids[b, : lengths[b]] = torch.tensor(s["ids"][:-1])
            mask[b, : lengths[b]] = 1
            rows += range(b * width + s["prompt"] - 1, b * width + lengths[b])
            labels += s["ids"][s["prompt"] :]
    sizes = [len(s["ids"]) - s["prompt"] if s else 0 for s in sequences]
    at = torch.tensor(rows, dtype=torch.long)
    parts = ids, mask, at, torch.tensor(labels, dtype=torch.long), ids.flatten()[at]
    ids, mask, at, wanted, read = (part.to(device) for part in parts)
    return Side(ids, mask, at, sizes, wanted, read)


def make_batch(rows: list[Json], step: list[Json], micro: list[Json], run: Json, device: torch.device) -> Batch:
    """`rows` are this rank's of the micro-batch `micro`, which is a part of the step's rows."""

    def view(name: str) -> View:
        return {
            role: make_side([row[name] and row[name][role] for row in rows], run["tokenizers"][role]["pad"], device)
            for role in ("student", "teacher")
        }

    return Batch(
        main=view("main"),
        plain=view("plain") if run["views"] == 2 else None,
        tokens=sum(len(row["main"]["student"]["ids"]) - row["main"]["student"]["prompt"] for row in step),
        samples=len(step),
        pairs=sum(row["plain"] is not None for row in step),
        everyone=[row["main"]["teacher"] for row in micro],
    )
