"""A case, as `couplet objective` reads it, in float64: value, terms and gradients.

    python reference/objectives/cases.py CASE.json [OUT.json]
"""

from __future__ import annotations

import json
import sys

import torch
from torch import Tensor

import logits
from kernel_transport import transport_total
from projections import cma, dskd

STUDENT = ("s_logits", "s_hid", "s_emb", "s_logits_raw", "s_hid_raw", "s_emb_raw")
PROJECTORS = tuple(f"{name}.{part}" for name in ("t2s", "s2t", "query", "ot") for part in ("weight", "bias"))
DEFAULTS = {
    "divergence": "forward_kl",
    "temperature": 2.0,
    "teacherTemperature": 1.0,
    "skew": 0.1,
    "adaptiveAlpha": 0.5,
    "kdRate": 0.5,
    "cost": "attention",
    "alpha": 0.1,
    "maxIterations": 100,
    "masks": "intended",
    "reduction": "sum",
}


def load(raw: dict) -> dict:
    """Lists become tensors: labels and ids of int64, all else float64."""
    case: dict = {}
    for name, value in raw.items():
        if name.startswith(("label_", "ids_")):
            case[name] = torch.tensor(value)
        elif isinstance(value, list) and not name.endswith("_tokens"):
            case[name] = torch.tensor(value, dtype=torch.float64)
        else:
            case[name] = value
    return case


def base_terms(method: str, case: dict, projectors: dict[str, Tensor], settings: dict) -> dict[str, Tensor]:
    s, labels_s, labels_t = case.get("s_logits"), case["label_s"], case["label_t"]
    if method == "kd":
        return {"kd": logits.kd(s, case.get("t_logits_same", case.get("t_logits")), labels_s, settings)}
    if method == "uld":
        return {"uld": logits.uld(s, case["t_logits"], labels_s, labels_t)}
    if method == "mined":
        texts = [case[name] for name in ("student_tokens", "teacher_tokens", "student_space", "teacher_space")]
        ids = (case["ids_s"], case["ids_t"], labels_s, labels_t)
        return {"mined": logits.mined(s, case["t_logits"], *ids, *texts, settings["temperature"])}
    if method == "dskd":
        q = case.get("t_logits", case.get("t_logits_same"))
        states = (s, q, case["s_hid"], case["t_hid"], labels_s, labels_t, case["Ws"], case["Wt"])
        return dskd(*states, projectors, settings)
    if method == "cma":
        states = (s, case["t_logits"], case["s_hid"], case["t_hid"], case["ids_s"], case["ids_t"], labels_s, labels_t)
        return cma(*states, case["Ws"], case["Wt"], case["Es"], case["Et"], projectors, settings)
    return {}


def evaluate(raw: dict) -> dict:
    case = load(raw)
    settings = {**DEFAULTS, **case["objective"]}
    method, r = settings["method"], settings["kdRate"]
    leaves = {name: case[name].clone().requires_grad_() for name in (*STUDENT, *PROJECTORS) if name in case}
    case.update(leaves)
    projectors = {name: leaves[name] for name in PROJECTORS if name in leaves}
    tokens = case.get("batch_denom", logits.response(case["label_s"]).sum().item())

    if method == "sft":
        ce = logits.cross_entropy(case["s_logits"], case["label_s"])
        terms = {"ce": ce / tokens if settings["reduction"] == "total" else ce}
    else:
        base = settings.get("base") if method == "cot2align" else method
        kd = base_terms(base, case, projectors, settings)
        ot = transport_total(case, projectors, settings) if method in ("ot", "cot2align") else {}
        if settings["reduction"] == "total":
            ce = logits.cross_entropy(case["s_logits"], case["label_s"])
            terms = {"ce": (1 - r) * ce / tokens}
            terms |= {name: r * value / tokens for name, value in kd.items()}
            terms |= {name: r * value for name, value in ot.items()}
        else:
            scale = 1 if method == "ot" else tokens
            terms = {**kd, **{name: scale * value for name, value in ot.items()}}

    loss = sum(terms.values())
    loss.backward()
    grads = {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    return {
        "loss": loss.item(),
        "terms": {name: value.item() for name, value in terms.items()},
        "grads": {name: grad.tolist() for name, grad in grads.items()},
    }


def main(source: str, target: str | None = None) -> None:
    with open(source) as file:
        result = evaluate(json.load(file))
    if target is None:
        print(json.dumps(result))
        return
    with open(target, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
