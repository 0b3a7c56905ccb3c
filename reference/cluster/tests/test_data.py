"""Order, masks, alignment and scores: values that the engine's own tests have, or that follow from the definition."""

from itertools import islice

import torch

from data import derive_seed, make_side, mulberry32, row_order
from evaluate import comparable, extract_answer, rouge_l
from text_match import match_texts
from tokens import align


def test_an_epoch_has_every_row_once_and_the_next_another_order() -> None:
    drawn = list(islice(row_order(7, 3), 21))
    epochs = [drawn[at : at + 7] for at in (0, 7, 14)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs) and epochs[0] != epochs[1]
    assert drawn == list(islice(row_order(7, 3), 21)) != list(islice(row_order(7, 4), 21))


def test_the_generator_is_the_engines() -> None:
    values = list(islice(mulberry32(1), 3))
    assert [round(x, 10) for x in values] == [0.6270739406, 0.0027357212, 0.5274470400]
    assert derive_seed(7, "data") != derive_seed(7, "projectors")


def test_response_rows_predict_the_response() -> None:
    sequences = [{"ids": [1, 2, 3, 4], "prompt": 2}, None, {"ids": [5, 6], "prompt": 1}]
    side = make_side(sequences, 0, torch.device("cpu"))
    assert side.sizes == [2, 0, 1] and side.starts == [0, 2, 2]
    assert side.rows.tolist() == [1, 2, 6] and side.labels.tolist() == [3, 4, 6] and side.inputs.tolist() == [2, 3, 5]
    assert side.mask.tolist() == [[1, 1, 1], [0, 0, 0], [1, 0, 0]]


def test_chunks_close_where_both_sides_end() -> None:
    assert align((b"Hel", b"lo ", b"wor", b"ld"), (b"Hello", b" world")) == [[0, 4, 0, 2]]
    assert align((b"Hel", b"lo", b" wor", b"ld", b""), (b"Hello", b" world", b"")) == [[0, 2, 0, 1], [2, 4, 1, 2]]
    assert align((b" Hi", b"!"), (b"Hi", b"!")) == [[0, 1, 0, 1], [1, 2, 1, 2]]  # a space in front parts nothing
    assert align((b"a", b"X", b" the end"), (b"a", b"Y", b" the end"))[-1] == [2, 3, 2, 3]  # on again after a difference
    assert align((), ()) == []


def test_stretches_tile_both_texts() -> None:
    a, b = "The ﬁle ☕ is".encode(), b"The file [UNK] is"
    kinds = [kind for kind, _, _ in match_texts(a, b)]
    assert kinds == ["same", "equal", "same", "different", "same"]
    assert match_texts(a, b)[-1][1:] == (len(a), len(b))


def test_answers() -> None:
    assert extract_answer("8 + 10 = 18.\nTherefore, the answer is: 11.") == "11"
    assert comparable("$1,250.50") == comparable("1250.5") == "1250.5"
    assert comparable("-0") == "0" and comparable("−3") == "-3" and comparable("heads") == "heads"
    assert rouge_l("the cat sat", "the cat") == 2 * 2 / 5
    assert rouge_l("", "x") == 0.0
