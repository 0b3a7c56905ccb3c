"""The training loop: an endless stream of problems, one pass, no problem reused on purpose."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from optim import MuonAdamW
from tasks import Problem

BUCKET = 16  # batches that are sorted by length together


@dataclass(frozen=True)
class Budget:
    """How long and how fast to train. The rate is constant, then falls linearly to zero."""

    steps: int
    batch: int = 64
    cot_share: float = 0.75      # share of rows that show the chain; the others only the answer
    prompt_weight: float = 0.2   # weight of the loss on prompt tokens
    muon_lr: float = 0.02
    adam_lr: float = 3e-3
    warmup: int = 100
    cooldown: float = 0.4        # last share of the steps, where the rate falls
    seed: int = 1


@dataclass
class Progress:
    """What a run has consumed so far; `tokens` counts prompts too, padding never."""

    steps: int = 0
    tokens: int = 0
    response_tokens: int = 0
    seconds: float = 0.0
    loss: float = float("nan")


def encode_rows(tokenizer: Tokenizer, eos: int, views: list[tuple[str, str]]) -> list[tuple[list[int], int]]:
    """(ids, prompt length) per row: tokens of the prompt, of the output, then eos."""
    prompts = tokenizer.encode_batch_fast([prompt for prompt, _ in views], add_special_tokens=False)
    outputs = tokenizer.encode_batch_fast([output for _, output in views], add_special_tokens=False)
    return [(p.ids + o.ids + [eos], len(p.ids)) for p, o in zip(prompts, outputs)]


def batches(tokenizer: Tokenizer, eos: int, problems: Iterator[Problem], budget: Budget) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches (ids, kind), rows of similar length together; kind is 0 padding, 1 prompt, 2 response."""
    rng = random.Random(budget.seed)
    while True:
        views = [next(problems).view(rng.random() < budget.cot_share) for _ in range(budget.batch * BUCKET)]
        rows = sorted(encode_rows(tokenizer, eos, views), key=lambda row: len(row[0]))
        chunks = [rows[i:i + budget.batch] for i in range(0, len(rows), budget.batch)]
        rng.shuffle(chunks)
        for chunk in chunks:
            width = max(len(ids) for ids, _ in chunk)
            ids = torch.zeros(len(chunk), width, dtype=torch.long)
            kind = torch.zeros(len(chunk), width, dtype=torch.long)
            for i, (row, prompt) in enumerate(chunk):
                ids[i, :len(row)] = torch.tensor(row)
                kind[i, :prompt] = 1
                kind[i, prompt:len(row)] = 2
            yield ids, kind


def losses(model: nn.Module, ids: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy over response labels and over prompt labels."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states, _ = model.hidden(ids[:, :-1])
        real = kind[:, 1:] > 0
        logits = model.head(states[real])
    labels, kinds = ids[:, 1:][real], kind[:, 1:][real]
    each = F.cross_entropy(logits.float(), labels, reduction="none")
    response = kinds == 2
    return each[response].mean(), each[~response].mean()


def rate(step: int, budget: Budget) -> float:
    """The schedule's factor at a step: warm up, hold, then fall linearly."""
    left = (budget.steps - step) / (budget.cooldown * budget.steps)
    return min(1.0, (step + 1) / budget.warmup, left)


def save(model: nn.Module, progress: Progress, path: Path) -> None:
    """Weights as float32 safetensors, the run's counters as metadata."""
    save_file({k: v.detach().contiguous() for k, v in model.state_dict().items()}, path,
              metadata={"progress": json.dumps(asdict(progress))})


def train(model: nn.Module, data: Iterator[tuple[Tensor, Tensor]], budget: Budget, checkpoint: Path,
          report: Callable[[nn.Module], str], every: int) -> Progress:
    """Train in place; every so many steps save a checkpoint and print a line with `report(model)`."""
    optimizer = MuonAdamW(model, budget.muon_lr, budget.adam_lr)
    progress = Progress()
    while progress.steps < budget.steps:
        start = time.perf_counter()
        ids, kind = next(data)
        on_response, on_prompt = losses(model, ids, kind)
        (on_response + budget.prompt_weight * on_prompt).backward()
        optimizer.step(rate(progress.steps, budget))
        progress.steps += 1
        progress.tokens += int((kind > 0).sum())
        progress.response_tokens += int((kind == 2).sum())
        smooth = 0.02 if progress.steps > 1 else 1.0
        previous = 0.0 if progress.steps == 1 else progress.loss
        progress.loss = (1 - smooth) * previous + smooth * on_response.item()
        progress.seconds += time.perf_counter() - start
        if progress.steps % every == 0 or progress.steps == budget.steps:
            save(model, progress, checkpoint)
            speed = progress.tokens / progress.seconds
            print(f"step {progress.steps}/{budget.steps} {progress.tokens / 1e6:.2f}M tokens {progress.seconds:.0f} s "
                  f"({speed:.0f}/s) loss {progress.loss:.4f} {report(model)}", flush=True)
    return progress
