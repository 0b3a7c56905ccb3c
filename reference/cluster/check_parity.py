"""Is this the run that the browser's engine computed? `python check_parity.py`, or `accelerate launch … check_parity.py`.

Compares the first batch (token ids, response masks, alignments, transport plans) and the losses, terms and gradient norms of the
first steps with parity.json, prints what differs by how much, and fails above its tolerance. In float32, on CPU or GPU.
"""

import sys
from importlib import import_module
from typing import Any

import torch

import objective
import settings
from data import make_batch
from settings import BadInput, Json
from train import Trainer


def close(a: float, b: float) -> float:
    """How far apart two numbers are: absolutely, or for larger ones relative to the second. Not finite: infinite."""
    gap = abs(a - b) / max(1.0, abs(b))
    return gap if gap == gap else float("inf")


def same_tokens(rows: list[Json], batch: Json) -> list[str]:
    """What of the batch's token ids or prompt lengths differs, one line each."""
    wrong = []
    for name in ("main", "plain"):
        for b, (row, wanted) in enumerate(zip(rows, batch[name], strict=True)):
            for role in ("student", "teacher"):
                ours = row[name] and row[name][role]
                theirs = wanted and wanted[role]
                if (ours or None) != (theirs or None):
                    wrong.append(f"row {b}, {name} view, {role}: {ours} here, {theirs} in the run")
    return wrong


def plan_gaps(trainer: Trainer, wanted: list[Json]) -> dict[str, float]:
    """The largest difference of each of the probe row's plans under the first weights, in parts of its mean entry."""
    from probe import probe_plans

    ours = {plan["layer"]: torch.tensor(plan["plan"]) for plan in probe_plans(trainer)}
    return {f"plan {w['layer']}": float((ours[w["layer"]] - torch.tensor(w["plan"])).abs().max() * len(w["plan"])) for w in wanted}


def alignments(trainer: Trainer, rows: list[Json], wanted: list[Any]) -> list[str]:
    """Where the method pairs tokens (chunks, MinED's partners) otherwise than the run, one line each."""
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    term = objective.distillation(trainer.config["method"]) or {}
    batch = make_batch(rows, rows, rows, trainer.run, trainer.accelerator.device)
    ours = import_module(f"losses.{term['id']}").aligned(term, batch, model)
    return [f"row {b}: {x} here, {y} in the run" for b, (x, y) in enumerate(zip(ours, wanted, strict=True)) if x != y]


def main() -> None:
    parity = settings.read_json("parity.json")
    trainer = Trainer()
    say, tolerance = trainer.accelerator.print, parity["tolerance"]
    if trainer.accelerator.mixed_precision != "no":
        raise BadInput("Parity is of float32: launch with mixed_precision: no (accelerate/cpu.yaml, or one_gpu.yaml edited).")
    first = [trainer.rows[i] for i in parity["batch"]["rows"]]
    wrong = same_tokens(first, parity["batch"])
    wrong += alignments(trainer, first, parity["aligned"]) if "aligned" in parity else []
    say(f"first batch: {len(first)} rows, " + (f"{len(wrong)} differences" if wrong else "tokens, masks, alignments equal"))
    for line in wrong[:8]:
        say(f"  {line[:400]}")
    gaps = plan_gaps(trainer, parity["plans"]) if parity["plans"] else {}
    for name, gap in gaps.items():
        say(f"{name}: {gap:.1e}")
    order = trainer.order()
    for wanted in parity["steps"]:
        record = trainer.step([trainer.rows[next(order)] for _ in range(trainer.size)])
        of = {"loss": (record["loss"], wanted["loss"]), "gradient norm": (record["gradNorm"], wanted["gradNorm"])}
        of |= {name: (record["terms"].get(name, float("nan")), value) for name, value in wanted["terms"].items()}
        apart = {name: close(*pair) for name, pair in of.items()}
        gaps |= {f"step {wanted['step']} {name}": gap for name, gap in apart.items()}
        worst = ", ".join(f"{name} {gap:.1e}" for name, gap in apart.items())
        say(f"step {wanted['step']}: loss {record['loss']:.6f}, in the run {wanted['loss']:.6f}; apart: {worst}")
    # After the first update, rounding that Adam has scaled up moves a norm more than it moves a loss: those are shown alone.
    judged = {name: gap for name, gap in gaps.items() if "gradient norm" not in name or name == "step 1 gradient norm"}
    failed = [name for name, gap in judged.items() if not gap <= (10 * tolerance if name.startswith("plan") else tolerance)]
    largest = max((gap for name, gap in judged.items() if name.startswith("step")), default=0.0)
    say(f"largest difference {largest:.1e}; allowed {tolerance:.0e}")
    if wrong or failed:
        say(f"NOT the run of {parity['adapter']}: {', '.join(failed[:6]) or 'its first batch differs'}")
        sys.exit(1)
    say(f"the same run as on {parity['adapter']}")
    trainer.accelerator.end_training()


if __name__ == "__main__":
    main()
