"""MultiLevelOT, METHODS §9: the 50 likeliest tokens of either side, by rank at each token and by transport over the sequence."""

from typing import Any

import torch
from torch import Tensor

from data import Batch, Side
from losses.pairs import paired_rows
from settings import Json
from transport import Plan, inside, padded

TOP, ENTROPY, SEQUENCE = 50, 0.1, 0.1 * 0.001
SWEEPS = {"scheme": "log", "maxIterations": 10, "tolerance": 0.0, "gradient": "unrolled"}


def leading(logits: Tensor, side: Side, temperature: float, top: int) -> Tensor:
    """[R, V] -> [R, top]: probabilities, in units of the logits' spread, of the tokens that are likeliest over each sample."""
    x = logits.float()
    p = torch.softmax(x / (temperature * (x.std(-1, keepdim=True) + 1e-4)), -1)
    parts = [part[:, part.sum(0).argsort(descending=True, stable=True)[:top]] for part in p.split(side.sizes)]
    return torch.cat(parts)


def terms(settings: Json, batch: Batch, student: Any, teacher: Any, model: Any) -> dict[str, Tensor]:
    s, t = batch.main["student"], batch.main["teacher"]
    top = min(TOP, student.logits.shape[-1], teacher.logits.shape[-1])
    a, b = (leading(x.logits, side, settings["temperature"], top) for x, side in ((student, s), (teacher, t)))
    rows_s, rows_t = paired_rows(batch)
    x, y = a[rows_s], b[rows_t]
    entropy = -(torch.softmax(y, -1) * torch.log_softmax(x, -1)).sum()
    token = (x - y).abs().sum() + ENTROPY * entropy
    real = [inside(side.sizes, a.device) for side in (s, t)]
    cell = real[0][:, :, None] & real[1][:, None]
    softer = [padded(torch.softmax(z / 2, -1), side.sizes) for z, side in ((a, s), (b, t))]
    cost = torch.cdist(softer[0], softer[1], p=1) * cell
    masses = [r / r.sum(-1, keepdim=True) for r in real]
    costs, _, _ = Plan.apply(cost, *masses, cost.new_full((len(cost),), 0.1), SWEEPS)  # type: ignore[no-untyped-call]
    sizes = torch.tensor(s.sizes, device=a.device)
    return {
        "multilevel_token": token / batch.tokens,
        "multilevel_sequence": SEQUENCE * (sizes * costs).sum() / batch.samples,
    }
