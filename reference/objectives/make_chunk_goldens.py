"""Write test/fixtures/objectives/chunks.json: methods on chunks of equal text, their values and gradients, float64.

    python reference/objectives/make_chunk_goldens.py [SEED OUT.json]
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import torch

from chunks import alm, gold, samples, shared_vocabulary
from logits import IGNORED
from make_cot2align_goldens import round_numbers

SEED = 12
FIXTURES = Path(__file__).resolve().parents[2] / "test/fixtures/objectives"
STUDENT = ["a", "b", "c", "é", "Ġ", "ab", "Ġa", "Ġb", "ca", "cab", "bé", "aab", "Ġc"]
TEACHER = ["▁a", "▁b", "▁ab", "a", "b", "c", "é", "▁", "▁ca", "abc", "éa", "bb", "▁bca", "?", "aa", "cc", "aé"]
LENGTH = 20


def cut(text: str, tokens: list[str], space: str, rng: random.Random) -> list[int]:
    """A random segmentation into tokens."""
    ids, at = [], 0
    while at < len(text):
        fits = [i for i, token in enumerate(tokens) if text.startswith(token.replace(space, " "), at)]
        ids.append(rng.choice(fits))
        at += len(tokens[ids[-1]].replace(space, " "))
    return ids


def main() -> None:
    seed, out = (int(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) > 2 else (SEED, FIXTURES / "chunks.json")
    torch.set_default_dtype(torch.float64)
    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    texts = ["".join(rng.choice(["a", "b", "c", "é", " ", "ab", "ca"]) for _ in range(n)) for n in (9, 1, 7)]
    ids = {side: torch.zeros(len(texts) + 1, LENGTH, dtype=torch.long) for side in "st"}
    labels = {side: torch.full((len(texts) + 1, LENGTH), IGNORED) for side in "st"}
    for b, text in enumerate([*texts, "ab c"]):
        for side, tokens, space in (("s", STUDENT, "Ġ"), ("t", TEACHER, "▁")):
            other = "ab bb" if side == "t" and b == len(texts) else text  # the last sample's texts part ways
            response = cut(other, tokens, space, rng)
            prompt = rng.randrange(1, 4)
            whole = [rng.randrange(len(tokens)) for _ in range(prompt)] + response
            ids[side][b, : len(whole) - 1] = torch.tensor(whole[:-1])
            labels[side][b, prompt - 1 : len(whole) - 1] = torch.tensor(response)
    normal = lambda *shape: 2 * torch.randn(*shape, generator=generator)  # noqa: E731
    s = normal(len(texts) + 1, LENGTH, len(STUDENT)).float().double().requires_grad_()
    q = normal(len(texts) + 1, LENGTH, len(TEACHER)).float().double()
    case = {
        "label_s": labels["s"],
        "label_t": labels["t"],
        "student_tokens": STUDENT,
        "teacher_tokens": TEACHER,
        "student_space": "Ġ",
        "teacher_space": "▁",
    }

    def term(settings: dict) -> torch.Tensor:
        match settings["id"]:
            case "gold":
                return gold(case, s, q, settings) * len(s)  # the fixture's sums have denominators of 1
            case "alm":
                return alm(case, s, q, settings["temperature"], settings["debias"]) * len(s)
            case "shared_vocabulary":
                return shared_vocabulary(case, s, q, settings)
        raise ValueError(settings)

    weights = {"matchedWeight": None, "unmatchedWeight": None}
    chosen = [
        {"id": "gold", "mode": "uld", "beta": 0.5, **weights},
        {"id": "gold", "mode": "hybrid", "beta": 0.5, **weights},
        {"id": "gold", "mode": "hybrid", "beta": 0.0, "matchedWeight": 1.0, "unmatchedWeight": 0.3},
        {"id": "gold", "mode": "hybrid", "beta": 1.0, **weights},
        {"id": "alm", "temperature": 100.0, "debias": False},
        {"id": "alm", "temperature": 2.0, "debias": False},
        {"id": "alm", "temperature": 100.0, "debias": True},
        {"id": "shared_vocabulary", "divergence": "forward_kl", "temperature": 2.0, "skew": 0.1, "adaptiveAlpha": 0.5},
        {"id": "shared_vocabulary", "divergence": "js", "temperature": 1.0, "skew": 0.1, "adaptiveAlpha": 0.5},
        {"id": "shared_vocabulary", "divergence": "adaptive_kl", "temperature": 1.0, "skew": 0.1, "adaptiveAlpha": 0.4},
    ]
    cases = []
    for settings in chosen:
        s.grad = None
        value = term(settings)
        value.backward()
        cases.append({"settings": settings, "sum": value.item(), "gradient": s.grad.flatten().tolist()})

    fixture = {
        "made_with": {"script": "reference/objectives/make_chunk_goldens.py", "torch": torch.__version__, "seed": seed},
        "s_logits": s.detach().tolist(),
        "t_logits": q.tolist(),
        "ids_s": ids["s"].tolist(),
        "ids_t": ids["t"].tolist(),
        **{k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in case.items()},
        "groups": [groups for *_, groups in samples(case, s, q)],
        "cases": cases,
    }
    out.write_text(json.dumps(round_numbers(fixture), separators=(",", ":")) + "\n")
    print(f"{out.name}: {out.stat().st_size} bytes, {len(cases)} cases")


if __name__ == "__main__":
    main()
