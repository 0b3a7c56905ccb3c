"""Write test/fixtures/objectives/transport.json: OT terms over several layers, with learned layer weights and with
marginals by attention received, float64.

    python reference/objectives/make_transport_goldens.py
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from make_cot2align_goldens import round_numbers
from transport import cost_matrix

SEED = 31
SIZES = [(4, 6), (1, 3), (7, 5)]
STUDENT_WIDTH, TEACHER_WIDTH = 6, 8  # the student's is no multiple of four
PAIRS = [("embedding", "embedding", 0.5), ("hidden", "hidden", 1.5), (1, 2, 0.8)]
SWEEPS, EPSILON, RATE = 15, 0.2, 0.6
OUT = Path(__file__).resolve().parents[2] / "test/fixtures/objectives/transport.json"


def received(x: Tensor) -> Tensor:
    """The mean column of softmax(x xT / sqrt d); a constant."""
    return torch.softmax(x @ x.T / x.shape[-1] ** 0.5, -1).mean(0).detach()


def plan(cost: Tensor, epsilon: Tensor, a: Tensor, b: Tensor) -> Tensor:
    f = torch.zeros_like(a)
    g = torch.zeros_like(b)
    for _ in range(SWEEPS):
        g = epsilon * (b.log() - torch.logsumexp((f[:, None] - cost) / epsilon, 0))
        f = epsilon * (a.log() - torch.logsumexp((g[None, :] - cost) / epsilon, 1))
    return torch.exp((f[:, None] + g[None, :] - cost) / epsilon)


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(SEED)
    rows, cols = (sum(size[side] for size in SIZES) for side in (0, 1))
    student = {key: torch.randn(rows, STUDENT_WIDTH) for key, _, _ in PAIRS}
    teacher = {key: torch.randn(cols, TEACHER_WIDTH) for _, key, _ in PAIRS}
    projector = torch.nn.Linear(TEACHER_WIDTH, STUDENT_WIDTH)
    theta0 = torch.tensor([0.3, -0.4, 0.9])
    cases = []
    for weights, marginals in (("fixed", "uniform"), ("learned", "uniform"), ("fixed", "attention"), ("learned", "attention")):
        leaves = {key: value.clone().requires_grad_() for key, value in student.items()}
        theta = theta0.clone().requires_grad_()
        projector.zero_grad()
        shares = torch.softmax(theta, 0) * len(PAIRS) if weights == "learned" else torch.ones(len(PAIRS))
        terms, figures = {}, {}
        for (key_s, key_t, weight), share in zip(PAIRS, shares, strict=True):
            total, entropies, products, sharp = torch.zeros(()), [], [], []
            i = j = 0
            for n, m in SIZES:
                x, H = leaves[key_s][i : i + n], teacher[key_t][j : j + m]
                y = projector(H)
                a = received(x) if marginals == "attention" else torch.full((n,), 1 / n)
                b = received(H) if marginals == "attention" else torch.full((m,), 1 / m)
                cost = cost_matrix(x, y, "cosine")
                P = plan(cost, EPSILON * cost.mean().detach(), a, b)
                total = total + (P * cost).sum()
                entropies.append(-(P * P.log()).sum().item())
                products.append((-(a * a.log()).sum() - (b * b.log()).sum()).item())
                sharp.append((P / (a[:, None] * b[None, :]) - 1).abs().max().item())
                i, j = i + n, j + m
            name = f"ot_{key_s}" if key_s == key_t else f"ot_layer_{key_s}_{key_t}"
            terms[name] = RATE * weight * share * total / (4 * len(SIZES))
            figures[name] = {
                "entropy": sum(entropies) / len(SIZES),
                "productEntropy": sum(products) / len(SIZES),
                "maxDeviation": max(sharp),
            }
        sum(terms.values()).backward()
        gradients = {str(key): leaf.grad.flatten().tolist() for key, leaf in leaves.items()}
        gradients["ot.weight"] = projector.weight.grad.flatten().tolist()
        gradients["ot.bias"] = projector.bias.grad.flatten().tolist()
        if weights == "learned":
            gradients["layer_weights"] = theta.grad.tolist()
        cases.append(
            {
                "layerWeights": weights,
                "marginals": marginals,
                "terms": {name: value.item() for name, value in terms.items()},
                "gauges": figures,
                "gradients": gradients,
            }
        )
    fixture = {
        "made_with": {"script": "reference/objectives/make_transport_goldens.py", "torch": torch.__version__, "seed": SEED},
        "sizes": SIZES,
        "widths": {"student": STUDENT_WIDTH, "teacher": TEACHER_WIDTH},
        "pairs": [{"student": s, "teacher": t, "weight": w} for s, t, w in PAIRS],
        "settings": {"kdRate": RATE, "epsilon": EPSILON, "maxIterations": SWEEPS},
        "student": {str(key): value.flatten().tolist() for key, value in student.items()},
        "teacher": {str(key): value.flatten().tolist() for key, value in teacher.items()},
        "projector": {"weight": projector.weight.flatten().tolist(), "bias": projector.bias.tolist()},
        "theta": theta0.tolist(),
        "cases": cases,
    }
    text = json.dumps(round_numbers(json.loads(json.dumps(fixture))), separators=(",", ":"))
    OUT.write_text(text + "\n")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes, {len(cases)} cases")


if __name__ == "__main__":
    main()
