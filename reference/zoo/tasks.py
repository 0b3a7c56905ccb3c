"""Five families of small reasoning problems, each with a step-by-step solution.

Every problem is a question, a chain that restates the state after each step, and a
short answer. The chain is what makes a problem easy: one step is a table lookup, while
the answer alone needs all steps at once.

Which half of the world a problem belongs to (training or held-out) is a property of its
question text: see `held_out`. Both views of a problem, plain and chain-of-thought, share
the question and therefore the half.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

NAMES = ("Ada Ben Cleo Dan Eva Finn Gus Hana Ian Jill Kai Lena Max Nora Omar Pia "
         "Rosa Sam Tara Uma Vera Will Yara Zoe").split()
THINGS = "apples books cards coins eggs pens".split()
HIDDEN = "ball bean bell key pearl ring".split()
COLOURS = "black blue brown green pink red white yellow".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
WORDS = ("apple bird boat bread cake chair cloud coat door dress duck field fire flag "
         "garden gate glass goat grass hand hill horse house island juice knife lamp leaf "
         "lemon light milk moon mountain mouse night nose ocean orange paper plane plate "
         "rain river road rope rose salt sand ship shoe snow spoon stone storm stove table "
         "tiger tree water wheel").split()

PLAIN_PROMPT = "Question: {question}\nAnswer:\n"
COT_PROMPT = "Question: {question}\nLet's think step by step.\n"
ANSWER_MARK = "Therefore, the answer is: "
HELD_OUT_SHARE = 10  # one question in ten


@dataclass(frozen=True)
class Problem:
    """One solved problem; `steps` is the number of links in its chain."""

    family: str
    steps: int
    question: str
    chain: str
    answer: str

    def view(self, cot: bool) -> tuple[str, str]:
        """The (prompt, output) pair, complete strings, of one of the two views."""
        if not cot:
            return PLAIN_PROMPT.format(question=self.question), self.answer
        return COT_PROMPT.format(question=self.question), f"{self.chain}\n{ANSWER_MARK}{self.answer}"


def arithmetic(rng: random.Random, steps: int) -> tuple[str, str, str]:
    """A stock of things goes up and down, always between 0 and 30."""
    name, things = rng.choice(NAMES), rng.choice(THINGS)
    stock = rng.randint(2, 20)
    story, chain = [f"{name} has {stock} {things}."], []
    for _ in range(steps):
        gain = stock < 3 or (stock < 28 and rng.random() < 0.5)
        amount = rng.randint(1, min(12, 30 - stock) if gain else min(12, stock))
        after = stock + amount if gain else stock - amount
        verb = rng.choice(("finds", "buys") if gain else ("loses", "sells"))
        story.append(f"{name} {verb} {amount}.")
        chain.append(f"{stock} {'+' if gain else '-'} {amount} = {after}.")
        stock = after
    return f"{' '.join(story)} How many {things} are left?", " ".join(chain), str(stock)


def coin(rng: random.Random, steps: int) -> tuple[str, str, str]:
    """People flip a coin or keep it as it is; only the parity of the flips matters."""
    sides = ("heads", "tails")
    up = rng.randrange(2)
    story, chain = [f"A coin shows {sides[up]}."], []
    for name in rng.sample(NAMES, steps):
        flips = rng.random() < 0.5
        verb = "flips" if flips else "keeps"
        before, up = up, up ^ flips
        story.append(f"{name} {verb} it.")
        chain.append(f"{sides[before]}, {name} {verb}, {sides[up]}.")
    return f"{' '.join(story)} What does it show?", " ".join(chain), sides[up]


def cups(rng: random.Random, steps: int) -> tuple[str, str, str]:
    """Something lies under one of three cups that trade places."""
    colours, thing = rng.sample(COLOURS, 3), rng.choice(HIDDEN)
    at = rng.choice(colours)
    story, chain = [f"The {thing} is under the {at} cup."], []
    for _ in range(steps):
        pair = rng.sample(colours, 2)
        before = at
        if at in pair:
            at = pair[1 - pair.index(at)]
        story.append(f"Swap {pair[0]} and {pair[1]}.")
        chain.append(f"{before}, {pair[0]} and {pair[1]}, {at}.")
    return f"{' '.join(story)} Where is the {thing}?", " ".join(chain), at


def days(rng: random.Random, steps: int) -> tuple[str, str, str]:
    """Walk forward and back through the week, up to four days at a time."""
    day = rng.randrange(7)
    story, chain = [f"Today is {DAYS[day]}."], []
    for _ in range(steps):
        move, forward = rng.randint(1, 4), rng.random() < 0.5
        after = (day + move if forward else day - move) % 7
        story.append(f"Go {move} {'forward' if forward else 'back'}.")
        chain.append(f"{DAYS[day]} {'+' if forward else '-'} {move} = {DAYS[after]}.")
        day = after
    return f"{' '.join(story)} Which day is it?", " ".join(chain), DAYS[day]


def endings(rng: random.Random, steps: int) -> tuple[str, str, str]:
    """Count the words that end in a given letter, keeping a running total."""
    letter = rng.choice("denrt")
    hits = [w for w in WORDS if w.endswith(letter)]
    misses = [w for w in WORDS if not w.endswith(letter)]
    wanted = rng.randint(0, steps)
    words = rng.sample(hits, min(wanted, len(hits))) + rng.sample(misses, steps - min(wanted, len(hits)))
    rng.shuffle(words)
    total, chain = 0, []
    for word in words:
        total += word.endswith(letter)
        chain.append(f"{word} {word[-1]} {total}.")
    return f"How many of these words end in {letter}? {', '.join(words)}.", " ".join(chain), str(total)


Family = Callable[[random.Random, int], tuple[str, str, str]]
FAMILIES: dict[str, tuple[Family, int, int]] = {  # maker, fewest steps, most steps
    "arithmetic": (arithmetic, 2, 4),
    "coin": (coin, 3, 5),
    "cups": (cups, 2, 4),
    "days": (days, 2, 4),
    "endings": (endings, 3, 5),
}


def make(rng: random.Random, family: str, steps: int) -> Problem:
    """One problem of a family with a chosen number of steps."""
    question, chain, answer = FAMILIES[family][0](rng, steps)
    return Problem(family, steps, question, chain, answer)


def held_out(question: str) -> bool:
    """True for the tenth of all questions that no training stream may contain."""
    digest = hashlib.sha256(question.encode()).digest()
    return int.from_bytes(digest[:8], "big") % HELD_OUT_SHARE == 0


def stream(seed: int, want_held_out: bool = False) -> Iterator[Problem]:
    """Endless problems of one half, families in turn, steps drawn evenly; repeats happen."""
    rng = random.Random(seed)
    while True:
        for family, (_, fewest, most) in FAMILIES.items():
            while True:
                problem = make(rng, family, rng.randint(fewest, most))
                if held_out(problem.question) == want_held_out:
                    yield problem
                    break


def distinct(problems: Iterator[Problem], count: int, taken: frozenset[str] = frozenset()) -> list[Problem]:
    """The first `count` problems whose questions are new, and not in `taken`."""
    seen, chosen = set(taken), []
    while len(chosen) < count:
        problem = next(problems)
        if problem.question not in seen:
            seen.add(problem.question)
            chosen.append(problem)
    return chosen


def read_answer(text: str, cot: bool) -> str | None:
    """The answer a model gave, or None if a chain never reached its conclusion."""
    if not cot:
        return text.strip()
    _, mark, answer = text.rpartition(ANSWER_MARK)
    return answer.strip() if mark else None
