"""Build the whole zoo: tokenizers, models, folders and rows. One command, one CPU thread.

    python build.py --work DIR [--out PUBLIC_DIR] [--only STAGE ...] [--models NAME ...] [--steps NAME=N ...]
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

from eval import accuracy, brief
from export import export_model, export_rows
from tasks import distinct, stream
from tokenizer import corpus, train_tokenizer
from train import batches, train
from zoo import EVAL_ROWS, TRAIN_STREAM, ZOO, load_tokenizer, new_model, tokenizer_path, weights_path

STAGES = ("tokenizers", "train", "rows", "export")
QUICK_ROWS = 200  # held-out problems behind each line of the training log
LINES = 25        # lines (and checkpoints) per training run


def build_tokenizers(work: Path, names: list[str]) -> None:
    """Train the tokenizers on the same text."""
    texts = corpus()
    for name in names:
        entry = ZOO[name]
        train_tokenizer(entry.tokens, texts).save(str(tokenizer_path(work, name)))


def build_model(work: Path, name: str, steps: int | None) -> None:
    """Train one model from scratch; its checkpoint is replaced as it goes."""
    entry = ZOO[name]
    budget = entry.budget if steps is None else dataclasses.replace(entry.budget, steps=steps)
    torch.manual_seed(budget.seed)
    tokenizer, eos = load_tokenizer(work, name)
    held = distinct(stream(EVAL_ROWS[0], want_held_out=True), QUICK_ROWS)

    def report(model: torch.nn.Module) -> str:
        return " | ".join(f"{label}: {brief(accuracy(model, tokenizer, eos, held, cot))}"
                          for label, cot in (("cot", True), ("plain", False)))

    model = new_model(entry.config)
    print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, {budget.steps} steps", flush=True)
    data = batches(tokenizer, eos, stream(TRAIN_STREAM[name]), budget)
    train(model, data, budget, weights_path(work, name), report, every=max(1, budget.steps // LINES))


def main() -> None:
    """Run the chosen stages in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for tokenizers and checkpoints")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[2] / "public",
                        help="folder that receives models/ and data/ (default: the repository's public/)")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES, help="run some stages (default: all)")
    parser.add_argument("--models", nargs="+", choices=list(ZOO), default=list(ZOO), help="only these (default: all)")
    parser.add_argument("--steps", nargs="*", default=[], metavar="NAME=N", help="train a model for N steps instead")
    args = parser.parse_args()
    steps = {name: int(count) for name, count in (item.split("=") for item in args.steps)}

    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    if "tokenizers" in args.only:
        build_tokenizers(args.work, args.models)
    if "train" in args.only:
        for name in args.models:
            build_model(args.work, name, steps.get(name))
    if "rows" in args.only:
        export_rows(args.out / "data")
    if "export" in args.only:
        for name in args.models:
            export_model(args.work, args.out / "models", name)


if __name__ == "__main__":
    main()
