"""Write test/fixtures/objectives/cot2align.json: CoT2Align's terms and gradients, float64.

    python reference/objectives/make_cot2align_goldens.py
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import torch

from transport import cot2align_loss

SEED = 20
SIZES = [(1, 1), (7, 3), (5, 12), (13, 11)]
STUDENT_WIDTH, TEACHER_WIDTH, VOCAB = 8, 12, 11
OUT = Path(__file__).resolve().parents[2] / "test/fixtures/objectives/cot2align.json"


def settings(cost: str, gradient: str, epsilon: float, relative: bool) -> dict:
    return {
        "id": "cot2align",
        "kdRate": 0.4,
        "transport": {
            "cost": cost,
            "epsilon": epsilon,
            "relative": relative,
            "maxIterations": 20,
            "tolerance": 0,
            "gradient": gradient,
            "embedding": 0.7,
            "hidden": 1.3,
        },
    }


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(SEED)
    rows = sum(n for n, _ in SIZES)
    columns = sum(m for _, m in SIZES)
    tensors = {
        "embedding": torch.randn(rows, STUDENT_WIDTH) * 0.5,
        "hidden": torch.randn(rows, STUDENT_WIDTH),
        "head": torch.randn(VOCAB, STUDENT_WIDTH) * 0.3,
    }
    teacher = {"embedding": torch.randn(columns, TEACHER_WIDTH) * 0.2, "hidden": torch.randn(columns, TEACHER_WIDTH)}
    labels = torch.randint(0, VOCAB, (rows,))
    projector = torch.nn.Linear(TEACHER_WIDTH, STUDENT_WIDTH)

    cases = []
    kinds = ["cosine", "euclidean", "sqeuclidean", "attention"]
    for kind, gradient in itertools.product(kinds, ["unrolled", "envelope"]):
        # The attention cost of a single pair is 0, which leaves a relative epsilon undefined.
        chosen = settings(kind, gradient, 0.2, relative=kind != "attention")
        leaves = {name: value.clone().requires_grad_() for name, value in tensors.items()}
        projector.zero_grad()
        states = {layer: (leaves[layer], teacher[layer]) for layer in ("embedding", "hidden")}
        terms = cot2align_loss(states, leaves["hidden"] @ leaves["head"].T, labels, SIZES, projector, chosen)
        sum(terms.values()).backward()
        gradients = {name: leaf.grad.flatten().tolist() for name, leaf in leaves.items()}
        gradients["projector.ot.weight"] = projector.weight.grad.flatten().tolist()
        gradients["projector.ot.bias"] = projector.bias.grad.flatten().tolist()
        cases.append(
            {"settings": chosen, "terms": {k: v.item() for k, v in terms.items()}, "gradients": gradients}
        )

    fixture = {
        "made_with": {"script": "reference/objectives/make_cot2align_goldens.py", "torch": torch.__version__, "seed": SEED},
        "sizes": SIZES,
        "widths": {"student": STUDENT_WIDTH, "teacher": TEACHER_WIDTH, "vocab": VOCAB},
        "labels": labels.tolist(),
        "tensors": {name: value.flatten().tolist() for name, value in tensors.items()},
        "teacher": {name: value.flatten().tolist() for name, value in teacher.items()},
        "projector": {
            "weight": projector.weight.detach().flatten().tolist(),
            "bias": projector.bias.detach().flatten().tolist(),
        },
        "cases": cases,
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(fixture, separators=(",", ":"), default=float)
    OUT.write_text(json.dumps(round_numbers(json.loads(text)), separators=(",", ":")) + "\n")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes, {len(cases)} cases")


def round_numbers(value):
    """Ten significant digits: far below what float32 can tell apart."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, list):
        return [round_numbers(v) for v in value]
    if isinstance(value, dict):
        return {k: round_numbers(v) for k, v in value.items()}
    return value


if __name__ == "__main__":
    main()
