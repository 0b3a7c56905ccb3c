"""Fresh random cases through `npm run couplet -- objective` and through cases.py, compared.

    python reference/objectives/compare.py [--count 20] [--seed 1] [--methods cma,cot2align]

Bars: values 1e-5 relative; gradients 1e-4 of the leaf's largest entry, 1e-3 where transport has the attention cost.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

import torch

from cases import evaluate

ROOT = Path(__file__).resolve().parents[2]
DIVERGENCES = [
    "forward_kl", "reverse_kl", "symmetric_kl", "js", "skewed_forward_kl", "skewed_reverse_kl", "adaptive_kl",
]  # fmt: skip
METHODS = ["sft", "kd", "uld", "mined", "dskd", "cma", "ot", "cot2align"]
SYLLABLES = ["a", "b", "ab", "ba", "in", "er", "an", "the", "th", "e", "re", "on", "s", "t", "ing", "ed"]


def labels(rng: random.Random, B: int, L: int, vocab: int, empty: set[int] = frozenset(), least: int = 1):
    """Ids, and labels that are the next token on a ragged run of response positions."""
    ids = [[rng.randrange(vocab) for _ in range(L + 1)] for _ in range(B)]
    out = []
    for b in range(B):
        first = rng.randrange(0, max(1, L - least))
        end = L if L - first <= least else rng.randrange(first + least, L + 1)
        row = [ids[b][p + 1] if first <= p < end and b not in empty else -100 for p in range(L)]
        out.append(row)
    return [row[:L] for row in ids], out


def tokens(rng: random.Random, count: int, space: str) -> list[str]:
    out: list[str] = []
    while len(out) < count:
        token = rng.choice(["", space]) + "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 3)))
        if token not in out:
            out.append(token)
    return out


def make_case(rng: random.Random, method: str) -> dict:
    torch.manual_seed(rng.randrange(2**31))
    B = rng.choice([1, 1, 2, 3, 4])
    Ls, Lt = rng.choice([3, 5, 9, 17]), rng.choice([4, 7, 12, 21])
    if method in ("kd", "dskd"):
        Lt = Ls
    ds, dt = rng.choice([4, 6, 7, 16]), rng.choice([5, 8, 12])
    Vs, Vt = rng.choice([5, 11, 33]), rng.choice([6, 13, 40])
    scale = rng.choice([0.3, 1.0, 2.0])
    normal = lambda *shape, std=1.0: (torch.randn(*shape, dtype=torch.float64) * std).tolist()
    case: dict = {
        "s_logits": normal(B, Ls, Vs, std=2), "s_hid": normal(B, Ls, ds, std=scale), "s_emb": normal(B, Ls, ds, std=scale),
        "t_logits": normal(B, Lt, Vt, std=2), "t_hid": normal(B, Lt, dt, std=scale), "t_emb": normal(B, Lt, dt, std=scale),
        "t_logits_same": normal(B, Ls, Vs, std=2),
        "Ws": normal(Vs, ds), "Wt": normal(Vt, dt), "Es": normal(Vs, ds), "Et": normal(Vt, dt),
        "student_tokens": tokens(rng, Vs, "▁"), "teacher_tokens": tokens(rng, Vt, "Ġ"),
        "student_space": "▁", "teacher_space": "Ġ",
    }  # fmt: skip
    if rng.random() < 0.5:  # tied
        case["Es"], case["Et"] = case["Ws"], case["Wt"]
    for name, (rows, cols) in {"t2s": (ds, dt), "s2t": (dt, ds), "query": (2 * dt, 2 * ds), "ot": (ds, dt)}.items():
        case[f"{name}.weight"], case[f"{name}.bias"] = normal(rows, cols, std=cols**-0.5), normal(rows, std=0.1)
    least = rng.choice([1, 1, 3])
    case["ids_s"], case["label_s"] = labels(rng, B, Ls, Vs, least=min(least, Ls - 1))
    case["ids_t"], case["label_t"] = labels(rng, B, Lt, Vt, least=min(least, Lt - 1))
    if method == "dskd":  # one tokenizer
        case["t_logits"] = normal(B, Ls, Vt, std=2)
    if method in ("ot", "cot2align") and rng.random() < 0.8:
        Lr, Lq = rng.choice([4, 8]), rng.choice([5, 10])
        absent = {b for b in range(B) if b > 0 and rng.random() < 0.3}
        case |= {
            "s_hid_raw": normal(B, Lr, ds, std=scale), "s_emb_raw": normal(B, Lr, ds, std=scale),
            "s_logits_raw": normal(B, Lr, Vs), "t_logits_raw": normal(B, Lq, Vt),
            "t_hid_raw": normal(B, Lq, dt, std=scale), "t_emb_raw": normal(B, Lq, dt, std=scale),
        }  # fmt: skip
        case["ids_s_raw"], case["label_s_raw"] = labels(rng, B, Lr, Vs, absent)
        case["ids_t_raw"], case["label_t_raw"] = labels(rng, B, Lq, Vt, absent)
    if rng.random() < 0.3:
        case["batch_denom"] = rng.choice([3, 17, 40])
    case["objective"] = {
        "method": method, "divergence": rng.choice(DIVERGENCES), "temperature": rng.choice([1, 2, 3.5]),
        "teacherTemperature": rng.choice([1, 1.5]), "skew": rng.choice([0.1, 0.4]), "adaptiveAlpha": rng.choice([0.5, 0.7]),
        "kdRate": rng.choice([0.2, 0.5, 0.9]), "cost": rng.choice(["attention", "cosine", "euclidean"]),
        "alpha": rng.choice([0.1, 0.1, 1, 5]), "maxIterations": rng.choice([1, 20, 100]),
        "masks": rng.choice(["intended", "as_published"]), "reduction": rng.choice(["sum", "total"]),
    }  # fmt: skip
    if method == "cot2align":
        case["objective"]["base"] = rng.choice(["kd", "uld", "mined", "cma"])
    return case


def ours(case: dict, folder: Path) -> dict:
    source, target = folder / "case.json", folder / "out.json"
    source.write_text(json.dumps(case))
    command = ["node", "scripts/couplet.mjs", "objective", str(source), "--out", str(target)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(target.read_text())


def compare(case: dict, got: dict) -> tuple[float, dict[str, float]]:
    want = evaluate(case)
    value = abs(got["loss"] - want["loss"]) / max(abs(want["loss"]), 1e-12)
    errors: dict[str, float] = {}
    for name in want["grads"].keys() | got["grads"].keys():
        expected = torch.tensor(want["grads"].get(name, 0.0), dtype=torch.float64)
        actual = torch.tensor(got["grads"].get(name, 0.0), dtype=torch.float64)
        largest = expected.abs().max().item()
        errors[name] = (actual - expected).abs().max().item() / (largest if largest > 1e-9 else 1.0)
    return value, errors


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--keep", default="", help="where to write a case that misses a bar")
    args = parser.parse_args()
    missed = 0
    worst: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for method in args.methods.split(","):
            for k in range(args.count):
                case = make_case(random.Random(f"{args.seed} {method} {k}"), method)
                settings = case["objective"]
                try:
                    value, errors = compare(case, ours(case, Path(folder)))
                except RuntimeError as error:
                    print(method, k, settings, error)
                    missed += 1
                    continue
                attention = method in ("ot", "cot2align") and settings["cost"] == "attention"
                name, gradient = max(errors.items(), key=lambda item: item[1])
                most = worst.setdefault(method, [0.0, 0.0])
                most[0], most[1] = max(most[0], value), max(most[1], gradient)
                if value > 1e-5 or gradient > (1e-3 if attention else 1e-4):
                    missed += 1
                    print(f"MISS {method} {k}: value {value:.1e}, {name} {gradient:.1e}, {settings}")
                    if args.keep:
                        (Path(args.keep) / f"{method}-{k}.json").write_text(json.dumps(case))
    for method, (value, gradient) in worst.items():
        print(f"{method}: largest error of a value {value:.1e}, of a gradient {gradient:.1e}")
    print(f"{missed} missed")


if __name__ == "__main__":
    main()
