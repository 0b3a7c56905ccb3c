"""The study's cells in PyTorch: an independent program on the same rows and the same questions.

    npm run study -- rows far-noisy50-sft --seeds 7 > rows.jsonl
    python3 reference/study/run.py --rows rows.jsonl --method alm --seed 7 --cell far-noisy50-alm

Nothing of the engine is used: models are Transformers', chunks come from the tokenizers' own offsets, data order is Python's, and the
losses are written from the equations (docs/METHODS.md, sections 1 and 9). One line of JSON for each run goes to
bench/study/results/CELL.pytorch.jsonl; a run that is there already is not made again.

Methods: sft; alm (no word ends); shared (shared vocabulary); and two controls: random (alm with a teacher of random weights) and
smooth (SFT with labels smoothed over the vocabulary by --smoothing).
Rows whose output_cot is empty get the teacher's greedy answer first.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaForCausalLM

ROOT = Path(__file__).resolve().parents[2]
MARK = "the answer is: "
TAU = 100.0  # temperature of ALM's likelihoods


@dataclass
class Side:
    """A model with its tokenizer and the id that ends an answer."""

    model: LlamaForCausalLM
    tok: Tokenizer
    eos: int

    @classmethod
    def load(cls, name: str) -> Side:
        folder = ROOT / "public/models" / name
        eos = json.loads((folder / "config.json").read_text())["eos_token_id"]
        return cls(LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32), Tokenizer.from_file(str(folder / "tokenizer.json")), eos)

    def ids(self, text: str) -> list[int]:
        return self.tok.encode(text, add_special_tokens=False).ids


@dataclass
class Example:
    """One row: the student's tokens, and what the teacher says about the same text."""

    prompt: list[int]
    answer: list[int]
    chunks: list[tuple[int, int, float]] = field(default_factory=list)  # student tokens [from, to), teacher's log-likelihood
    places: list[int] = field(default_factory=list)  # student tokens that the teacher cuts alike
    shared: Tensor | None = None  # (places, shared tokens): the teacher's log-probabilities there


@torch.no_grad()
def answers(side: Side, prompts: list[str], longest: int) -> list[str]:
    """Greedy answers, 100 at a time, padded on the left."""
    side.model.eval()
    out: list[str] = []
    for start in range(0, len(prompts), 100):
        ids = [side.ids(text) for text in prompts[start : start + 100]]
        width = max(map(len, ids))
        tokens = torch.tensor([[side.eos] * (width - len(x)) + x for x in ids])
        mask = torch.tensor([[0] * (width - len(x)) + [1] * len(x) for x in ids])
        made = side.model.generate(input_ids=tokens, attention_mask=mask, max_new_tokens=longest, do_sample=False,
                                   pad_token_id=side.eos, eos_token_id=side.eos)
        for row in made[:, width:].tolist():
            out.append(side.tok.decode(row[: row.index(side.eos)] if side.eos in row else row))
    return out


def shared_tokens(student: Side, teacher: Side) -> tuple[Tensor, Tensor]:
    """Ids in either vocabulary of the tokens that both write alike, special ones left out."""
    ours, theirs = student.tok.get_vocab(), teacher.tok.get_vocab()
    both = sorted((ours[t], theirs[t]) for t in ours if t in theirs and not t.startswith("<"))
    return torch.tensor([a for a, _ in both]), torch.tensor([b for _, b in both])


@torch.no_grad()
def example(row: dict[str, str], student: Side, teacher: Side | None, method: str, both: tuple[Tensor, Tensor]) -> Example:
    own = student.tok.encode(row["output_cot"], add_special_tokens=False)
    made = Example(student.ids(row["prompt_cot"]), [*own.ids, student.eos])
    if teacher is None:
        return made
    prompt, theirs = teacher.ids(row["prompt_cot"]), teacher.tok.encode(row["output_cot"], add_special_tokens=False)
    logits = teacher.model(torch.tensor([prompt + theirs.ids])).logits[0, len(prompt) - 1 : -1]
    if method == "shared":
        where = {span: k for k, span in enumerate(theirs.offsets)}
        pairs = [(i, where[span]) for i, span in enumerate(own.offsets) if span in where]
        made.places = [i for i, _ in pairs]
        made.shared = torch.log_softmax(logits[[k for _, k in pairs]][:, both[1]], -1)
        return made
    likely = torch.log_softmax(logits, -1)[range(len(theirs.ids)), theirs.ids]
    ends = {span[1]: i + 1 for i, span in enumerate(own.offsets)}
    other = {span[1]: k + 1 for k, span in enumerate(theirs.offsets)}
    i = k = 0
    for end in sorted(ends.keys() & other.keys()):
        made.chunks.append((i, ends[end], likely[k : other[end]].sum().item()))
        i, k = ends[end], other[end]
    return made


def alm_term(log_probs: Tensor, chunks: list[tuple[int, int, float]]) -> Tensor:
    """Mean over chunks of the binary cross entropy of exp(l/tau); log_probs (answer tokens) of one row's labels."""
    sums = torch.cat([log_probs.new_zeros(1), log_probs.cumsum(0)])
    ours = torch.stack([sums[to] - sums[at] for at, to, _ in chunks]).clamp_max(-1e-6) / TAU
    theirs = log_probs.new_tensor([value for _, _, value in chunks]).clamp_max(-1e-6) / TAU
    return -(theirs.exp() * ours - torch.expm1(theirs) * torch.log(-torch.expm1(ours))).mean()


def train(a: argparse.Namespace, examples: list[Example], student: Side, both: tuple[Tensor, Tensor]) -> list[float]:
    """AdamW, cosine to zero, clipping at 1; returns the cross entropy of each step."""
    model = student.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=a.rate, weight_decay=0.01)
    drawn, order, seen = random.Random(a.seed), [], []
    for step in range(a.steps):
        if len(order) < a.batch:
            fresh = list(range(len(examples)))
            drawn.shuffle(fresh)
            order += fresh
        rows = [examples[order.pop(0)] for _ in range(a.batch)]
        width = max(len(x.prompt) + len(x.answer) for x in rows) - 1
        tokens, labels = torch.zeros(a.batch, width, dtype=torch.long), torch.full((a.batch, width), -100)
        for b, x in enumerate(rows):
            text = (x.prompt + x.answer)[:-1]
            tokens[b, : len(text)] = torch.tensor(text)
            labels[b, len(x.prompt) - 1 : len(text)] = torch.tensor(x.answer)
        logits = model(tokens).logits
        count = int((labels != -100).sum())
        smoothing = a.smoothing if a.method == "smooth" else 0.0
        loss = ce = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100, label_smoothing=smoothing)
        if a.method not in ("sft", "smooth"):
            term = logits.new_zeros(())
            for b, x in enumerate(rows):
                answer = logits[b, len(x.prompt) - 1 : len(x.prompt) - 1 + len(x.answer)]
                if x.shared is None:
                    labelled = torch.log_softmax(answer, -1)[range(len(x.answer)), x.answer]
                    term = term + alm_term(labelled, x.chunks) / a.batch
                elif x.places:
                    ours = torch.log_softmax(answer[x.places][:, both[0]], -1)
                    term = term + (x.shared.exp() * (x.shared - ours)).sum() / count
            loss = (1 - a.share) * ce + a.share * term
        for group in optimizer.param_groups:
            group["lr"] = a.rate * 0.5 * (1 + math.cos(math.pi * step / a.steps))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen.append(ce.item())
    return seen


def parsed() -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rows", required=True, help="training rows, of npm run study -- rows")
    p.add_argument("--cell", required=True, help="the cell's name in bench/study/plan.json, or a control's own")
    p.add_argument("--method", choices=["sft", "alm", "shared", "random", "smooth"], default="sft")
    p.add_argument("--student", default="couplet-student")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rate", type=float, default=3e-3)
    p.add_argument("--share", type=float, default=0.9, help="r: the share of the distillation term")
    p.add_argument("--smoothing", type=float, default=0.1)
    p.add_argument("--questions", default=str(ROOT / "bench/study/questions.jsonl"))
    p.add_argument("--out", default="", help="another file than bench/study/results/CELL.pytorch.jsonl; - is the screen")
    return p.parse_args()


def lines(file: str | Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in Path(file).read_text().splitlines() if line]


def main() -> None:
    a = parsed()
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    out = Path(a.out or ROOT / f"bench/study/results/{a.cell}.pytorch.jsonl")
    if a.out != "-" and out.exists() and any(line["seed"] == a.seed for line in lines(out)):
        print(f"{a.cell}, seed {a.seed}: already there")
        return
    began = time.time()
    rows, student, teacher = lines(a.rows), Side.load(a.student), Side.load("couplet-teacher")
    if a.method == "random":
        teacher.model = LlamaForCausalLM(teacher.model.config)
    teacher.model.eval()
    empty = [row for row in rows if not row["output_cot"]]
    for row, text in zip(empty, answers(teacher, [row["prompt_cot"] for row in empty], 90), strict=True):
        row["output_cot"] = text.strip()
    both = shared_tokens(student, teacher)
    asked = teacher if a.method in ("alm", "shared", "random") else None
    examples = [example(row, student, asked, a.method, both) for row in rows]
    losses = train(a, examples, student, both)
    questions = lines(a.questions)
    said = answers(student, [q["prompt_cot"] for q in questions], 90)
    right = [MARK in text and text.rsplit(MARK, 1)[1].strip() == q["answer"] for text, q in zip(said, questions, strict=True)]
    tenth = max(1, len(losses) // 10)
    figures = {"first": sum(losses[:tenth]) / tenth, "last": sum(losses[-tenth:]) / tenth}
    line = {"cell": a.cell, "seed": a.seed, "engine": "pytorch", "steps": a.steps, "labels": f"rows of {Path(a.rows).name}",
            "right": "".join("1" if yes else "0" for yes in right), "crossEntropy": figures,
            "seconds": round(time.time() - began), "adapter": f"PyTorch {torch.__version__}, one CPU thread"}
    text = json.dumps(line)
    print(f"{a.cell}, seed {a.seed}: {sum(right)} of {len(right)} right in {line['seconds']} s", flush=True)
    if a.out == "-":
        print(text)
    else:
        with out.open("a") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
