"""Write test/fixtures/objectives/cases.json: small cases of every method with float64 values and gradients.

    python reference/objectives/make_cases.py
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch

from cases import evaluate
from compare import METHODS, make_case

SEED = 5
PER_METHOD = {"kd": 7, "cot2align": 4, "cma": 3, "ot": 3}
OUT = Path(__file__).resolve().parents[2] / "test/fixtures/objectives/cases.json"
MOST = 13_000  # characters of one case with its result
DIVERGENCES = sorted(
    ["forward_kl", "reverse_kl", "symmetric_kl", "js", "skewed_forward_kl", "skewed_reverse_kl", "adaptive_kl"]
)
UNUSED = {
    "sft": "t_ ids_ W E label_t student teacher",
    "kd": "t_logits t_hid t_emb s_hid s_emb ids_ W E student teacher",
    "uld": "t_hid t_emb t_logits_same s_hid s_emb ids_ W E student teacher",
    "mined": "t_hid t_emb t_logits_same s_hid s_emb W E",
    "dskd": "t_emb t_logits_same s_emb ids_ E student teacher",
    "cma": "t_emb t_logits_same s_emb student teacher",
    "ot": "t_logits W E ids_ student teacher",
}


def round_numbers(value, digits: int):
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, list):
        return [round_numbers(v, digits) for v in value]
    if isinstance(value, dict):
        return {k: round_numbers(v, digits) for k, v in value.items()}
    return value


def without_unused(case: dict, method: str) -> dict:
    """A method must not need what it does not use; and the file stays small."""
    unused = UNUSED.get(method, "").split()
    needed = {"kd": ["t_logits_same"]}.get(method, [])
    projectors = {"dskd": ["t2s", "s2t"], "cma": ["t2s", "s2t", "query"], "ot": ["ot"], "cot2align": ["t2s", "s2t", "query", "ot"]}

    def keep(name: str) -> bool:
        if "." in name:
            return name.split(".")[0] in projectors.get(method, [])
        return name in needed or not any(name == u or (u.endswith("_") or len(u) == 1 or u in ("student", "teacher")) and name.startswith(u) for u in unused)

    return {name: value for name, value in case.items() if keep(name) or name == "label_t"}


def main() -> None:
    chosen = []
    for method in METHODS:
        k = taken = 0
        while taken < PER_METHOD.get(method, 2):
            case = without_unused(make_case(random.Random(f"{SEED} {method} {k}"), method), method)
            case = round_numbers(case, 4)
            k += 1
            if method == "kd":  # one case of each divergence
                case["objective"]["divergence"] = DIVERGENCES[taken]
            entry = {"case": case, "want": round_numbers(evaluate(case), 7)}
            lone = len(case["label_s"]) == 1
            if len(json.dumps(entry)) > MOST or (lone and taken > 0 and method != "kd"):
                continue
            chosen.append(entry)
            taken += 1
    made_with = {"script": "reference/objectives/make_cases.py", "torch": torch.__version__, "seed": SEED}
    OUT.write_text(json.dumps({"made_with": made_with, "cases": chosen}, separators=(",", ":")) + "\n")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes, {len(chosen)} cases")


if __name__ == "__main__":
    main()
