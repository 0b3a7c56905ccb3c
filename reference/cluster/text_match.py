"""Where two byte strings are the same text, though their tokenizers rewrote it: a space in front, composed letters, case.

Stretches in order and without gaps, each (kind, end in a, end in b): "same" byte for byte, "equal" the same letters in another
form, "dropped" white space or invisible characters of one side, "different" another text. As src/models/tokenizer/text-match.ts.
"""

import unicodedata
from functools import cache

Stretch = tuple[str, int, int]
LONGEST_FORM, NEAR, FAR_RUN = 24, 128, 12


def char_at(x: bytes, at: int) -> str | None:
    """The character that begins there; None at the end and for bytes that are no character."""
    if at >= len(x):
        return None
    lead = x[at]
    size = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    try:
        return x[at : at + size].decode()
    except UnicodeDecodeError:
        return None


@cache
def folded(char: str) -> str:
    """Without accents, case, compatibility forms and invisible characters; white space and ▁ are a space."""
    if char.isspace() or char == "▁":
        return " "
    form = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).lower())
    kept = [c for c in form if unicodedata.category(c)[0] != "M" and unicodedata.category(c) not in ("Cc", "Cf")]
    return "".join(" " if c.isspace() else c for c in kept).replace("ς", "σ")


def is_mark(char: str | None) -> bool:
    if char is None or char < "\u0300":
        return False
    return all(unicodedata.category(c)[0] == "M" for c in unicodedata.normalize("NFKD", char))


def after_marks(x: bytes, at: int) -> int:
    while is_mark(char := char_at(x, at)):
        at += len((char or "").encode())
    return at


def common_run(a: bytes, b: bytes, i: int, j: int) -> int:
    most = min(len(a) - i, len(b) - j)
    if a[i : i + most] == b[j : j + most]:
        return max(0, most)
    return next(n for n in range(most) if a[i + n] != b[j + n])


def match_texts(a: bytes, b: bytes) -> list[Stretch]:
    stretches: list[Stretch] = []
    i = j = 0

    def push(kind: str, to_a: int, to_b: int) -> None:
        nonlocal i, j
        if to_a > i or to_b > j:
            stretches.append((kind, to_a, to_b))
        i, j = to_a, to_b

    run = common_run(a, b, 0, 0)
    if a[:1] == b" " and common_run(a, b, 1, 0) > run:
        push("dropped", 1, 0)
    elif b[:1] == b" " and common_run(a, b, 0, 1) > run:
        push("dropped", 0, 1)
    letters = None
    while i < len(a) or j < len(b):
        run = whole_characters(a, b, i, j, common_run(a, b, i, j))
        push("same", i + run, j + run)
        if i == len(a) and j == len(b):
            break
        rewritten = dropped(a, b, i, j, True) or equal(a, b, i, j) or dropped(a, b, i, j, False)
        if rewritten:
            push(*rewritten)
            continue
        letters = letters or (letters_of(a), letters_of(b))
        x, y = resumption(*letters, i, j) or (len(a), len(b))
        if (x, y) != (len(a), len(b)):  # white space before the place where they go on belongs to what follows it
            back_a, back_b = i + len(a[i:x].rstrip(b" ")), j + len(b[j:y].rstrip(b" "))
            x, y = (back_a, back_b) if back_a > i or back_b > j else (x, y)
        push("different", x, y)
    return stretches


def continues(x: bytes, at: int) -> bool:
    return at < len(x) and x[at] & 0xC0 == 0x80


def whole_characters(a: bytes, b: bytes, i: int, j: int, run: int) -> int:
    """A run of equal bytes ends where a character ends, accents included."""
    if i + run == len(a) and j + run == len(b):
        return run
    n, cut = run, i + run == len(a) or j + run == len(b)
    inside = lambda: continues(a, i + n) or continues(b, j + n)
    while not cut and n > 0 and run - n < 3 and inside():
        n -= 1
    if not cut and inside():
        return run
    while n > 0 and (is_mark(char_at(a, i + n)) or is_mark(char_at(b, j + n))):
        n -= 1
        while n > 0 and continues(a, i + n):
            n -= 1
    return n


def equal(a: bytes, b: bytes, i: int, j: int) -> Stretch | None:
    """The shortest beginnings of both rests that are the same letters, with the accents that follow."""
    x, y, form_a, form_b = i, j, "", ""
    for _ in range(2 * LONGEST_FORM):
        grow_a = len(form_a) <= len(form_b)
        char = char_at(a, x) if grow_a else char_at(b, y)
        if char is None:
            return None
        if grow_a:
            x, form_a = x + len(char.encode()), form_a + folded(char)
        else:
            y, form_b = y + len(char.encode()), form_b + folded(char)
        if form_a == form_b and form_a:
            return "equal", after_marks(a, x), after_marks(b, y)
        if not form_a.startswith(form_b) and not form_b.startswith(form_a):
            return None
    return None


def dropped(a: bytes, b: bytes, i: int, j: int, same: bool) -> Stretch | None:
    """White space and invisible characters of one side, if the other goes on with what follows them."""
    x, y = after_invisible(a, i, b, j, same), after_invisible(b, j, a, i, same)
    if x is not None and (y is None or x - i <= y - j):
        return "dropped", x, j
    return None if y is None else ("dropped", i, y)


def after_invisible(x: bytes, start: int, other: bytes, at: int, same: bool) -> int | None:
    wanted, place = char_at(other, at), start
    while place < len(x):
        char = char_at(x, place)
        if char is None:
            return None
        if place > start and wanted is not None and agree(char, wanted, same):
            return place
        if folded(char).strip() or (char == "▁" and same):
            return None
        place += len(char.encode())
    return len(x) if at == len(other) and start < len(x) else None


def agree(one: str, other: str, same: bool) -> bool:
    if same:
        return one == other
    x, y = folded(one), folded(other)
    return bool(x and y) and (x.startswith(y) or y.startswith(x))


Letters = tuple[list[str], list[int]]  # folded letters without white space, and the byte where each one's character begins


def letters_of(x: bytes) -> Letters:
    forms, starts, at = [], [], 0
    while at < len(x):
        char = char_at(x, at)
        for letter in [f"\0{x[at]}"] if char is None else folded(char).replace(" ", ""):
            forms.append(letter)
            starts.append(at)
        at += 1 if char is None else len(char.encode())
    return forms, starts


def resumption(a: Letters, b: Letters, i: int, j: int) -> tuple[int, int] | None:
    """The bytes where both go on alike, with the least skipped."""
    (forms_a, starts_a), (forms_b, starts_b) = a, b
    p = next((k for k, at in enumerate(starts_a) if at >= i), len(starts_a))
    q = next((k for k, at in enumerate(starts_b) if at >= j), len(starts_b))
    begins = lambda starts, k: k == 0 or starts[k] != starts[k - 1]

    def run(x: int, y: int) -> int:
        n = 0
        while x + n < len(forms_a) and y + n < len(forms_b) and forms_a[x + n] == forms_b[y + n]:
            n += 1
        return n

    for skipped in range(1, NEAR + 1):
        best, longest = None, 0
        for x in range(p, min(p + skipped, len(forms_a) - 1) + 1):
            y = q + skipped - (x - p)
            if y >= len(forms_b) or forms_a[x] != forms_b[y] or not (begins(starts_a, x) and begins(starts_b, y)):
                continue
            n = run(x, y)
            ends = x + n == len(forms_a) and y + n == len(forms_b)
            if (n >= (3 if skipped <= 8 else 5 if skipped <= 32 else 8) or ends) and n > longest:
                best, longest = (x, y), n
        if best:
            return starts_a[best[0]], starts_b[best[1]]
    index: dict[str, list[int]] = {}
    for y in range(len(forms_b) - FAR_RUN + 1):
        if begins(starts_b, y):
            index.setdefault("".join(forms_b[y : y + FAR_RUN]), []).append(y)
    far: tuple[int, int] | None = None
    for x in range(p, len(forms_a) - FAR_RUN + 1):
        if far and x - p >= far[0] - p + far[1] - q:
            break
        places = index.get("".join(forms_a[x : x + FAR_RUN]), []) if begins(starts_a, x) else []
        place = next((y for y in places if y >= q), None)
        if place is not None and (far is None or x + place < sum(far)):
            far = (x, place)
    return (starts_a[far[0]], starts_b[far[1]]) if far else None
