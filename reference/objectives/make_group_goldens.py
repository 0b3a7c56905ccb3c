"""Write test/fixtures/objectives/groups.json: methods over given groups (METHODS §10) with float64 values and gradients.

    python reference/objectives/make_group_goldens.py [SEED OUT.json [PER_METHOD [METHOD,METHOD]]]

With a seed and a file it draws fresh cases of the same form.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import torch

from groups import METHODS, evaluate

SEED = 44
PER_METHOD = 3
MOST = 9_000  # characters of a case with its result, in the committed file
FIXTURES = Path(__file__).resolve().parents[2] / "test/fixtures/objectives"
STUDENT = ["a", "b", "Ġa", "Ġb", "ab", "Ġab", "c", "</s>", "1", "12", "Ġc", "a"]
TEACHER = ["▁a", "a", "b", "▁ab", "abc", "c", "<end>", "1", "2", "▁c", "▁", "é", "Ġb"]


def round_numbers(value, digits: int):
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, list):
        return [round_numbers(v, digits) for v in value]
    if isinstance(value, dict):
        return {k: round_numbers(v, digits) for k, v in value.items()}
    return value


def draw_labels(rng: random.Random, B: int, L: int, size: int) -> list[list[int]]:
    """A ragged run of response labels in each sample, at least one."""
    out = []
    for _ in range(B):
        first = rng.randrange(L)
        last = rng.randint(first + 1, L) if rng.random() < 0.5 else L
        out.append([rng.randrange(size) if first <= p < last else -100 for p in range(L)])
    return out


def draw_groups(rng: random.Random, label_s: list, label_t: list, spans: str) -> list[list[list[int]]]:
    """Ascending, disjoint, with gaps. `spans`: both sides mixed, or one side's tokens one by one."""
    out = []
    for row_s, row_t in zip(label_s, label_t):
        n, m = sum(x != -100 for x in row_s), sum(x != -100 for x in row_t)
        s = t = 0
        groups = []
        if rng.random() < 0.15:  # a sample without a group
            out.append(groups)
            continue
        while s < n and t < m and len(groups) < 20:
            s, t = s + (rng.random() < 0.15), t + (rng.random() < 0.15)
            a = 1 if spans in ("teacher", "one") else rng.choice([1, 1, 2, 3, 7])
            b = 1 if spans in ("student", "one") else rng.choice([1, 1, 2, 4, 6])
            if s + a > n or t + b > m:
                break
            groups.append([s, s + a, t, t + b])
            s, t = s + a, t + b
        out.append(groups)
    return out


def draw_projection(rng: random.Random, rows: int, size: int) -> dict:
    k = rng.choice([1, 2, 4])
    indices, values = [], []
    for _ in range(rows):
        kind = rng.random()
        if kind < 0.15:
            row, weights = [-1] * k, [0.0] * k
        elif kind < 0.5:
            row, weights = [rng.randrange(size)] + [-1] * (k - 1), [1.0] + [0.25] * (k - 1)
        else:
            row = [rng.choice([-1, *range(size)]) for _ in range(k)]
            weights = [round(rng.random(), 3) for _ in range(k)]
        if rng.random() < 0.2:
            order = list(range(k))
            rng.shuffle(order)
            row, weights = [row[i] for i in order], [weights[i] for i in order]
        indices.append(row)
        values.append(weights)
    return {"indices": indices, "values": values}


def draw_settings(rng: random.Random, method: str) -> dict:
    pick, T = rng.choice, rng.choice([1, 1, 0.7, 2])
    match method:
        case "gkd":
            return {"beta": pick([0, 0.1, 0.5, 0.9, 1]), "temperature": T}
        case "gold":
            return {
                "mode": pick(["uld", "hybrid", "hybrid"]),
                "merge": pick(["bayesian", "bayesian", "observed"]),
                "beta": pick([0, 0.3, 0.5, 1]),
                "matchedWeight": pick([None, None, 0, 0.7]),
                "unmatchedWeight": pick([None, None, 0.4]),
            }
        case "x_token":
            variant = pick(["p_kl", "h_kl"])
            return {"variant": variant, "temperature": T, "topK": pick([1, 4, 9, 8192]), "strict": pick([False, True])}
        case "simct":
            shape = {"divergence": pick(["reverse_kl", "forward_kl"]), "temperature": T}
            return {**shape, "span": pick(["logit_mean", "log_prob"])}
        case "simple_ctkd":
            return {"divergence": pick(["reverse_kl", "forward_kl"]), "temperature": T}
        case "opd":
            credit = pick(["by_log_prob", "by_log_prob", "by_count", "exact_boundaries"])
            return {"credit": credit, "clamp": pick([None, 10, 1.5]), "maxChunk": pick([None, 6, 2])}
        case "fixed_advantage":
            return {"penalty": pick([1, 0.3]), "unlikely": pick([0.1, 0.5, 0])}
    return {"topK": pick([1, 3, 32]), "form": pick(["repaired", "truncated", "renormalized"]), "temperature": T}


def draw(seed: str, method: str) -> dict:
    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(rng.randrange(2**31))
    B, wide_s, wide_t = rng.choice([1, 2, 3]), rng.choice([0, 0, 3]), rng.choice([0, 0, 5])
    Ls, Lt = rng.choice([1, 2, 5, 9]), rng.choice([1, 3, 6, 8])
    Vs, Vt = len(STUDENT) + wide_s, len(TEACHER) + wide_t
    scale = rng.choice([0.1, 2, 2, 8])

    def normal(*shape: int) -> list:
        # Halves of f32: what is written is what both sides read.
        values = torch.randn(*shape, generator=generator, dtype=torch.float64) * scale
        kind = rng.random()
        if kind < 0.2:
            values[..., rng.randrange(shape[-1])] = -1e4
        elif kind < 0.3:
            values[..., rng.randrange(shape[-1])] -= 60
        elif kind < 0.4:
            values = values + 3e4
        elif kind < 0.5:  # all but certain of one token
            values[..., rng.randrange(shape[-1])] += 17
        return (values * 64).round().div(64).tolist()

    case: dict = {"label_s": draw_labels(rng, B, Ls, len(STUDENT)), "s_logits": normal(B, Ls, Vs)}
    if method in ("gkd", "reverse_kl_top_k"):
        case["t_logits_same"] = normal(B, Ls, Vs)
    elif method != "fixed_advantage":
        case |= {"label_t": draw_labels(rng, B, Lt, len(TEACHER)), "t_logits": normal(B, Lt, Vt)}
        spans = rng.choice(["both", "both", "student", "teacher", "one"])
        case["groups"] = draw_groups(rng, case["label_s"], case["label_t"], spans)
        if rng.random() < 0.1:
            case["groups"] = [[] for _ in range(B)]
        if method != "opd":
            case |= {"student_tokens": STUDENT, "teacher_tokens": TEACHER}
            case |= {"student_space": "Ġ", "teacher_space": "▁"}
        if method in ("simct", "simple_ctkd"):
            case["ends"] = rng.choice([[], [[7, 6]], [[7, 6], [0, 1], [0, 11]]])
            if rng.random() < 0.7:  # some 1:1 groups of equal tokens
                share(rng, case)
        if method == "x_token":
            case["w"] = draw_projection(rng, Vs, len(TEACHER))
    case["objective"] = {"method": method, **draw_settings(rng, method)}
    return case


def share(rng: random.Random, case: dict) -> None:
    """Let labels of 1:1 groups be one token in both vocabularies."""
    pairs = [(2, 0), (0, 1), (1, 2), (5, 3), (6, 5), (7, 6), (8, 7), (10, 9)]
    for b, groups in enumerate(case["groups"]):
        rows_s = [p for p, x in enumerate(case["label_s"][b]) if x != -100]
        rows_t = [p for p, x in enumerate(case["label_t"][b]) if x != -100]
        for s0, s1, t0, t1 in groups:
            if s1 - s0 == 1 and t1 - t0 == 1 and rng.random() < 0.8:
                case["label_s"][b][rows_s[s0]], case["label_t"][b][rows_t[t0]] = rng.choice(pairs)


def main() -> None:
    seed, out = (int(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) > 2 else (SEED, FIXTURES / "groups.json")
    per_method = int(sys.argv[3]) if len(sys.argv) > 3 else PER_METHOD
    methods = sys.argv[4].split(",") if len(sys.argv) > 4 else METHODS
    committed = len(sys.argv) <= 2
    entries = []
    for method in methods:
        k = taken = 0
        while taken < per_method:
            case = draw(f"{seed} {method} {k}", method)
            entry = {"case": case, "want": round_numbers(evaluate(case), 9)}
            k += 1
            gradient = torch.tensor(entry["want"]["grads"]["s_logits"]).abs().max().item()
            if committed and (len(json.dumps(entry)) > MOST or gradient < 1e-3):
                continue
            entries.append(entry)
            taken += 1
    made_with = {"script": "reference/objectives/make_group_goldens.py", "torch": torch.__version__, "seed": seed}
    out.write_text(json.dumps({"made_with": made_with, "cases": entries}, separators=(",", ":")) + "\n")
    print(f"{out.name}: {out.stat().st_size} bytes, {len(entries)} cases")


if __name__ == "__main__":
    main()
