"""The transport plans of the held-out row that config.json names, as plans.jsonl and the browser's plots have them."""

from typing import Any

import torch

from data import make_batch
from settings import Json


def probe_plans(trainer: Any) -> list[Json]:
    """One record for each pair of states, under the present weights; every rank computes them, since weights may be shared out."""
    rows, run = trainer.held_out, trainer.run
    row = rows[min(trainer.config["probe"]["row"], len(rows) - 1)]
    batch = make_batch([row], [row], [row], run, trainer.accelerator.device)
    batch.plans = {}
    with torch.no_grad():
        trainer.model(batch, trainer.read_by_teacher(batch))
    records = []
    for name, (of_s, of_t, cost, plan, eps, sweeps) in batch.plans.items():
        sides = {"student": getattr(batch, of_s)["student"], "teacher": getattr(batch, of_t)["teacher"]}
        texts = {role: trainer.tokenizers[role].convert_ids_to_tokens(side.inputs.tolist()) for role, side in sides.items()}
        n, m = len(texts["student"]), len(texts["teacher"])
        if not (n and m):
            continue
        p, c = (x[0, :n, :m].double().cpu() for x in (plan, cost))
        error = max(float((p.sum(1) - 1 / n).abs().sum()), float((p.sum(0) - 1 / m).abs().sum()))
        records.append(
            {"step": trainer.at, "layer": name.removeprefix("ot_"), "transportCost": float((p * c).sum())}
            | {"studentTokens": texts["student"], "teacherTokens": texts["teacher"]}
            | {"plan": p.flatten().tolist(), "cost": c.flatten().tolist(), "entropy": float(-torch.special.xlogy(p, p).sum())}
            | {"epsilon": float(eps[0]), "iterations": int(sweeps[0]), "maxDeviation": float((p * n * m - 1).abs().max())}
            | {"marginalError": error, "converged": error <= trainer.config["method"]["transport"]["tolerance"]}
        )
    return records
