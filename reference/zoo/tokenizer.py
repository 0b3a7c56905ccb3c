"""Four byte-level BPE tokenizers that disagree on purpose.

The teacher keeps numbers whole and lets punctuation absorb a line break. The student
splits numbers into digits and has few merges: far from the teacher. The near student
cuts text as the teacher does and learns fewer merges, so that its vocabulary is a part
of the teacher's. The GPT-2 style model cuts text as GPT-2 does. All carry all 256 bytes,
so any UTF-8 text has a tokenization and no unknown token exists.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tasks import stream

CORPUS_PROBLEMS = 12_000


@dataclass(frozen=True)
class TokenizerSpec:
    """How to cut text before merging, how many tokens to learn, and the special ones."""

    pattern: str
    vocab_size: int
    pad: str
    bos: str
    eos: str

    @property
    def specials(self) -> list[str]:
        """Special tokens in the order of their ids, without repeats."""
        return list(dict.fromkeys((self.pad, self.bos, self.eos)))


TEACHER_TOKENS = TokenizerSpec(
    pattern=r"'\p{L}+| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+\n*|\s+(?!\S)|\s+",
    vocab_size=640, pad="<pad>", bos="<s>", eos="</s>")
STUDENT_TOKENS = TokenizerSpec(
    pattern=r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]|\s+(?!\S)|\s+",
    vocab_size=384, pad="<|pad|>", bos="<|end|>", eos="<|end|>")

NEAR_TOKENS = TokenizerSpec(
    pattern=TEACHER_TOKENS.pattern, vocab_size=512, pad="<pad>", bos="<s>", eos="</s>")
GPT2_TOKENS = TokenizerSpec(
    pattern=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    vocab_size=448, pad="<|endoftext|>", bos="<|endoftext|>", eos="<|endoftext|>")


def corpus(seed: int = 11) -> list[str]:
    """Training text for all tokenizers: prompts and outputs, both views, training half."""
    problems = itertools.islice(stream(seed), CORPUS_PROBLEMS)
    return [part for problem in problems for cot in (True, False) for part in problem.view(cot)]


def train_tokenizer(spec: TokenizerSpec, texts: list[str]) -> Tokenizer:
    """Learn the merges of one tokenizer. No text ever gets a token added by `encode`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(spec.pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    specials = [AddedToken(text, special=True, normalized=False) for text in spec.specials]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=spec.vocab_size, special_tokens=specials, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    if tokenizer.get_vocab_size() != spec.vocab_size:
        raise ValueError(f"expected {spec.vocab_size} tokens, learnt {tokenizer.get_vocab_size()}: enlarge the corpus")
    return tokenizer


def tokenizer_config(spec: TokenizerSpec, max_length: int) -> dict[str, object]:
    """The contents of tokenizer_config.json."""
    return {
        "add_bos_token": False,
        "add_eos_token": False,
        "add_prefix_space": False,
        "bos_token": spec.bos,
        "clean_up_tokenization_spaces": False,
        "eos_token": spec.eos,
        "model_max_length": max_length,
        "pad_token": spec.pad,
        "padding_side": "left",
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
