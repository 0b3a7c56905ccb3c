"""Held-out answers: greedy, scored by exact match of the final answer and by ROUGE-L, as the engine scores them."""

import re
from typing import Any

import torch
from accelerate.accelerator import Accelerator
from datasets import Dataset

from data import Tokenizer
from settings import Json

BATCH = 16


def extract_answer(text: str) -> str:
    """What follows the last "answer is" (the last with a colon, unless a later one is followed by a value)."""
    marks = [(m.group(1) == ":", text[m.end() :]) for m in re.finditer(r"answer is(:?)", text, re.I)]
    wanted = re.compile(r"\s*(wanted|asked|needed|required|expected|sought|requested|supposed|to be)\b", re.I)
    marks = [(colon, after) for colon, after in marks if colon or not wanted.match(after)]

    def is_value(after: str) -> bool:
        words = after.split()[:4]
        return len(words) == 1 or (len(words) <= 3 and any(c.isdigit() for c in after))

    chosen = [after for colon, after in marks if colon or is_value(after)] or [after for _, after in marks] or [text]
    return chosen[-1].strip().removesuffix(".").strip()


def comparable(answer: str) -> str:
    """Numbers in one spelling, without separators of thousands and idle zeros; any other text as it is."""
    grouped = re.fullmatch(r"([-+−]?)\$?([1-9]\d{0,2}(?:([,' \u00A0\u2009\u202F’])\d{3})(?:\3\d{3})*)(?:\.(\d+))?", answer)
    plain = re.fullmatch(r"([-+−]?)\$?(\d+)(?:\.(\d+))?", answer)
    if not grouped and not plain:
        return answer
    sign, whole, decimals = grouped.group(1, 2, 4) if grouped else plain.groups()  # type: ignore[union-attr]
    number = re.sub(r"^0+(?=\d)", "", re.sub(r"\D", "", whole)) + ("." + decimals.rstrip("0") if decimals else "")
    number = number.removesuffix(".")
    return f"-{number}" if sign in ("-", "−") and re.search("[1-9]", number) else number


def rouge_l(generated: str, reference: str) -> float:
    """F-measure of the longest common subsequence of words, from 0 to 1; no stemmer."""
    a, b = (re.findall(r"[^\W_]+", text.lower()) for text in (generated, reference))
    row = [0] * (len(b) + 1)
    for word in a:
        before, row = row, [0] * (len(b) + 1)
        for j, other in enumerate(b):
            row[j + 1] = before[j] + 1 if word == other else max(before[j + 1], row[j])
    return 2 * row[-1] / (len(a) + len(b)) if row[-1] else 0.0


@torch.no_grad()
def generate(
    model: Any, tokenizer: Tokenizer, prompts: list[list[int]], stops: list[int], limit: int, **how: Any
) -> list[list[int]]:
    """Continuations of token prompts, without what stops them; a prompt and its answer together have at most `limit` tokens."""
    width, device = max(map(len, prompts)), next(model.parameters()).device
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else stops[0]
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    options = {"do_sample": False, "max_new_tokens": max(1, limit - min(map(len, prompts))), **how}
    model.eval()
    out = model(None, None, {"input_ids": ids, "attention_mask": mask, "eos_token_id": stops, "pad_token_id": pad, **options})
    model.train()
    answers = [row[width : width + limit - len(p)] for row, p in zip(out.tolist(), prompts, strict=True)]
    return [row[: next((i for i, t in enumerate(row) if t in stops), len(row))] for row in answers]


def evaluate(accelerator: Accelerator, model: Any, tokenizer: Tokenizer, rows: Dataset, run: Json, limit: int) -> Json:
    """{"correct", "total", "rougeL"} over the rows; every rank answers a part of them, in as many batches as the others."""
    chosen = list(range(len(rows)))
    mine = chosen[accelerator.process_index :: accelerator.num_processes] or chosen[:1]
    per_rank = -(-len(chosen) // accelerator.num_processes)
    scores = torch.zeros(2, device=accelerator.device, dtype=torch.float64)
    for at in range(0, per_rank, BATCH):
        part = [rows[i] for i in mine[at : at + BATCH]] or [rows[0]]
        prompts = [row["main"]["student"]["ids"][: row["main"]["student"]["prompt"]] for row in part]
        how = {"synced_gpus": accelerator.num_processes > 1}
        answers = generate(model, tokenizer, prompts, run["tokenizers"]["student"]["stops"], limit, **how)
        if at + len(part) > len(mine) or not mine[at : at + BATCH]:
            continue  # in step with the others, and not counted
        for row, ids in zip(part, answers, strict=True):
            text = str(tokenizer.decode(ids, skip_special_tokens=True))
            expected = extract_answer(row["answer"] if row["answer"] is not None else row["output"])
            right = comparable(extract_answer(text)) == comparable(expected)
            scores += torch.tensor([float(right), rouge_l(text, row["output"])], device=scores.device)
    correct, rouge = accelerator.reduce(scores).tolist()
    return {"correct": int(correct), "total": len(chosen), "rougeL": rouge / max(1, len(chosen))}
