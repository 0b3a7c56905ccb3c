"""Held-out accuracy: greedy answers with and without the chain of thought.

    python eval.py --work DIR [--rows N] [NAME ...]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn

from tasks import FAMILIES, Problem, distinct, read_answer, stream

Score = tuple[int, int]  # right, asked


@torch.no_grad()
def generate(model: nn.Module, tokenizer: Tokenizer, eos: int, prompts: list[str], limit: int) -> list[str]:
    """Greedy continuations. Prompts of equal length run together, so nothing is padded."""
    groups: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
    for i, prompt in enumerate(tokenizer.encode_batch_fast(prompts, add_special_tokens=False)):
        groups[len(prompt.ids)].append((i, prompt.ids))
    texts = [""] * len(prompts)
    for group in groups.values():
        replies = greedy(model, torch.tensor([ids for _, ids in group]), eos, limit)
        for (i, _), reply in zip(group, replies):
            texts[i] = tokenizer.decode(reply)
    return texts


def greedy(model: nn.Module, ids: torch.Tensor, eos: int, limit: int) -> list[list[int]]:
    """Continue a batch (B, T) of equally long prompts up to eos or `limit` tokens."""
    replies: list[list[int]] = [[] for _ in range(ids.shape[0])]
    alive = list(range(ids.shape[0]))
    start, past = 0, None
    while alive and limit > len(replies[alive[0]]):
        # With a cache a single token sees all before it, so only the prompt needs the causal mask.
        mask = None if past is None else torch.ones(1, 1, 1, start + 1, dtype=torch.bool)
        positions = torch.arange(start, start + ids.shape[1])[None]
        states, past = model.hidden(ids, mask, positions, past)
        start += ids.shape[1]
        chosen = model.head(states[:, -1]).argmax(-1)
        going = [row for row, token in enumerate(chosen.tolist()) if token != eos]
        for row in going:
            replies[alive[row]].append(int(chosen[row]))
        alive = [alive[row] for row in going]
        past = [(k[going], v[going]) for k, v in past]
        ids = chosen[going, None]
    return replies


def accuracy(model: nn.Module, tokenizer: Tokenizer, eos: int, problems: list[Problem], cot: bool) -> dict[str, Score]:
    """(right, asked) per family and under "all"; an answer must match exactly."""
    texts = generate(model, tokenizer, eos, [p.view(cot)[0] for p in problems], limit=96 if cot else 12)
    scores = {family: (0, 0) for family in (*FAMILIES, "all")}
    for problem, text in zip(problems, texts):
        for key in (problem.family, "all"):
            right, asked = scores[key]
            scores[key] = (right + (read_answer(text, cot) == problem.answer), asked + 1)
    return scores


def brief(scores: dict[str, Score]) -> str:
    """One line of percentages."""
    return " ".join(f"{family[:5]} {100 * right / max(1, asked):.0f}" for family, (right, asked) in scores.items())


def table(with_cot: dict[str, Score], without: dict[str, Score]) -> str:
    """A Markdown table of both views."""
    def cell(score: Score) -> str:
        return f"{100 * score[0] / score[1]:.1f}% ({score[0]}/{score[1]})"

    rows = [f"| {family} | {cell(with_cot[family])} | {cell(without[family])} |" for family in with_cot]
    return "\n".join(["| family | with chain of thought | answer only |", "| --- | --- | --- |", *rows])


def main() -> None:
    """Print a table per model, from the checkpoints in the work folder."""
    from zoo import EVAL_ROWS, ZOO, load_model, load_tokenizer

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(ZOO), help="which models (default: all)")
    parser.add_argument("--work", type=Path, required=True, help="folder with tokenizers and checkpoints")
    parser.add_argument("--rows", type=int, default=EVAL_ROWS[1], help="number of held-out problems")
    args = parser.parse_args()
    torch.set_num_threads(1)
    problems = distinct(stream(EVAL_ROWS[0], want_held_out=True), args.rows)
    for name in args.models:
        model, progress = load_model(args.work, name)
        tokenizer, eos = load_tokenizer(args.work, name)
        scores = [accuracy(model, tokenizer, eos, problems, cot) for cot in (True, False)]
        print(f"\n{name}: {progress['steps']} steps, {progress['tokens']} tokens "
              f"({progress['response_tokens']} of them responses), {progress['seconds']:.0f} s\n\n{table(*scores)}")


if __name__ == "__main__":
    main()
