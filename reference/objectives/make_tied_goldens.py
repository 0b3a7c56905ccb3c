"""Write test/fixtures/objectives/tied.json: DSKD and DSKD-CMA with a student whose head and embedding table are one
trained matrix W. Only through the student's own logits may a gradient reach W; a missing stop-gradient shows here.

    python reference/objectives/make_tied_goldens.py
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch

from compare import make_case
from cases import DEFAULTS, load
from make_cases import round_numbers
from projections import cma, dskd

SEED = 11
OUT = Path(__file__).resolve().parents[2] / "test/fixtures/objectives/tied.json"
KEEP = ("s_hid", "t_logits", "t_hid", "Wt", "Et", "ids_s", "ids_t", "label_s", "label_t")


def main() -> None:
    chosen = []
    for method in ("dskd", "cma"):
        k = 0
        while True:  # the first case of two samples
            raw = make_case(random.Random(f"{SEED} {method} {k}"), method)
            k += 1
            if len(raw["label_s"]) == 2 and len(raw["Ws"]) == 11:
                break
        raw = round_numbers({**raw, "objective": {"method": method, "divergence": "skewed_reverse_kl", "temperature": 2}}, 4)
        case = load(raw)
        settings = {**DEFAULTS, **case["objective"]}
        W = case["Ws"].clone().requires_grad_()
        h = case["s_hid"].clone().requires_grad_()
        projectors = {name: case[name] for name in case if "." in name}
        s = h @ W.T
        shared = (s, case["t_logits"], h, case["t_hid"])
        labels = (case["label_s"], case["label_t"])
        if method == "dskd":
            terms = dskd(*shared, *labels, W, case["Wt"], projectors, settings)
        else:
            ids = (case["ids_s"], case["ids_t"])
            terms = cma(*shared, *ids, *labels, W, case["Wt"], W, case["Et"], projectors, settings)
        sum(terms.values()).backward()
        kept = {name: value for name, value in raw.items() if name in KEEP or "." in name or name == "objective"}
        chosen.append(
            {
                "case": {**kept, "Ws": raw["Ws"]},
                "terms": {name: value.item() for name, value in terms.items()},
                "W": W.grad.flatten().tolist(),
                "s_hid": h.grad.flatten().tolist(),
            }
        )
    made_with = {"script": "reference/objectives/make_tied_goldens.py", "torch": torch.__version__, "seed": SEED}
    OUT.write_text(json.dumps(round_numbers({"made_with": made_with, "cases": chosen}, 8), separators=(",", ":")) + "\n")
    print(f"{OUT.name}: {OUT.stat().st_size} bytes, {len(chosen)} cases")


if __name__ == "__main__":
    main()
