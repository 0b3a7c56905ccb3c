"""Write test/fixtures/objectives/logits.json: methods on logits, their values and gradients, float64.

    python reference/objectives/make_logit_goldens.py [SEED OUT.json]

With a seed and a file it makes a fresh random case of the same form.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from logits import IGNORED, cross_entropy, kd, mined, uld
from make_cot2align_goldens import round_numbers
from multilevel import multilevel

SEED = 31
FIXTURES = Path(__file__).resolve().parents[2] / "test/fixtures/objectives"
STUDENT = ["Ġ", "a", "b", "c", "Ġab", "Ġa", "ab", "bc", "Ġcab", "!", "Ġabc"]
TEACHER = ["▁", "a", "b", "c", "▁ab", "▁abca", "ca", "b!", "▁c", "▁bc", "!", "?", "▁cab", "aa", "bb", "▁a", "▁abcab"]
LENGTH = 9
#: (prompt tokens, response positions) of each sample, student's and teacher's side.
SIZES_S = [(2, 5), (1, 1), (4, 4)]
SIZES_T = [(3, 4), (1, 3), (2, 7)]
DIVERGENCES = [
    {"divergence": "forward_kl", "temperature": 2.0},
    {"divergence": "reverse_kl", "temperature": 2.0},
    {"divergence": "symmetric_kl", "temperature": 1.0},
    {"divergence": "js", "temperature": 1.5},
    {"divergence": "skewed_forward_kl", "temperature": 2.0, "skew": 0.1},
    {"divergence": "skewed_reverse_kl", "temperature": 0.7, "skew": 0.3},
    {"divergence": "adaptive_kl", "temperature": 2.0, "adaptiveAlpha": 0.5},
]


def side(vocabulary: int, sizes: list[tuple[int, int]], generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, and labels: the next token at response positions."""
    tokens = torch.randint(0, vocabulary, (len(sizes), LENGTH + 1), generator=generator)
    labels = torch.full((len(sizes), LENGTH), IGNORED)
    for b, (prompt, count) in enumerate(sizes):
        labels[b, prompt : prompt + count] = tokens[b, prompt + 1 : prompt + count + 1]
    return tokens[:, :-1], labels


def share_text(ids_s: torch.Tensor, ids_t: torch.Tensor) -> None:
    """Give the responses runs of equal text, so that warping finds partners."""
    for b, ((prompt_s, n), (prompt_t, m)) in enumerate(zip(SIZES_S, SIZES_T)):
        for k in range(min(n, m)):
            if (b + k) % 4 == 3:
                continue
            text = STUDENT[int(ids_s[b, prompt_s + k])].replace("Ġ", "▁")
            if text in TEACHER:
                ids_t[b, prompt_t + k] = TEACHER.index(text)


def main() -> None:
    seed, out = (int(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) > 2 else (SEED, FIXTURES / "logits.json")
    torch.set_default_dtype(torch.float64)
    generator = torch.Generator().manual_seed(seed)
    ids_s, labels_s = side(len(STUDENT), SIZES_S, generator)
    ids_t, labels_t = side(len(TEACHER), SIZES_T, generator)
    share_text(ids_s, ids_t)
    normal = lambda *shape: 2 * torch.randn(*shape, generator=generator)  # noqa: E731
    s = normal(3, LENGTH, len(STUDENT)).float().double().requires_grad_()
    q = normal(3, LENGTH, len(TEACHER)).float().double()
    same = normal(3, LENGTH, len(STUDENT)).float().double()

    def term(settings: dict) -> torch.Tensor:
        match settings["id"]:
            case "kd":
                return kd(s, same, labels_s, settings)
            case "uld":
                return uld(s, q, labels_s, labels_t)
            case "mined":
                return mined(
                    s, q, ids_s, ids_t, labels_s, labels_t, STUDENT, TEACHER, "Ġ", "▁", settings["temperature"]
                )
            case "multilevel":
                return multilevel(s, q, labels_s, labels_t, settings["temperature"])
        raise ValueError(settings)

    cases = []
    chosen = [{"id": "kd", "skew": 0.1, "adaptiveAlpha": 0.5, **d} for d in DIVERGENCES]
    chosen += [{"id": "uld"}, {"id": "mined", "temperature": 2.0}, {"id": "mined", "temperature": 1.0}]
    chosen += [{"id": "multilevel", "temperature": 1.0}, {"id": "multilevel", "temperature": 2.0}]
    rate = 0.4
    for settings in chosen:
        s.grad = None
        value = term(settings)
        value.backward(retain_graph=True)
        gradient = s.grad.flatten().tolist()
        total = ((1 - rate) * cross_entropy(s, labels_s) + rate * value) / (labels_s != IGNORED).sum()
        cases.append({"settings": settings, "sum": value.item(), "gradient": gradient, "total": total.item()})

    fixture = {
        "made_with": {"script": "reference/objectives/make_logit_goldens.py", "torch": torch.__version__, "seed": seed},
        "kdRate": rate,
        "s_logits": s.detach().tolist(),
        "t_logits": q.tolist(),
        "t_logits_same": same.tolist(),
        "ids_s": ids_s.tolist(),
        "ids_t": ids_t.tolist(),
        "label_s": labels_s.tolist(),
        "label_t": labels_t.tolist(),
        "student_tokens": STUDENT,
        "teacher_tokens": TEACHER,
        "student_space": "Ġ",
        "teacher_space": "▁",
        "cases": cases,
    }
    out.write_text(json.dumps(round_numbers(fixture), separators=(",", ":")) + "\n")
    print(f"{out.name}: {out.stat().st_size} bytes, {len(cases)} cases")


if __name__ == "__main__":
    main()
