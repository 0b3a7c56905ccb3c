"""The study's held-out questions: 1,000 that no training row and no bundled held-out row has.

    python3 reference/study/make_questions.py        writes bench/study/questions.jsonl, the same bytes every time
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "reference/zoo"))
import tasks  # noqa: E402

SEED, COUNT = 4242, 1000


def main() -> None:
    """Draw from the held-out half of all questions, families in turn."""
    bundled = [json.loads(line) for line in (ROOT / "public/data/reasoning-heldout.jsonl").read_text().splitlines()]
    taken = frozenset(row["prompt"].removeprefix("Question: ").removesuffix("\nAnswer:\n") for row in bundled)
    lines = []
    for i, problem in enumerate(tasks.distinct(tasks.stream(SEED, True), COUNT, taken)):
        (prompt, output), (prompt_cot, output_cot) = problem.view(False), problem.view(True)
        row = {"id": f"study-{i:04d}", "family": problem.family, "prompt": prompt, "output": output,
               "prompt_cot": prompt_cot, "output_cot": output_cot, "answer": problem.answer}
        lines.append(json.dumps(row))
    (ROOT / "bench/study/questions.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
