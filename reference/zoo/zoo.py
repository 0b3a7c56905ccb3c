"""The models of the zoo: shapes, tokenizers, budgets, and where their parts live."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file
from tokenizers import Tokenizer

from gpt2 import GPT2, GPT2Config
from model import Llama, LlamaConfig
from tokenizer import GPT2_TOKENS, NEAR_TOKENS, STUDENT_TOKENS, TEACHER_TOKENS, TokenizerSpec
from train import Budget

TRAIN_STREAM = {"teacher": 101, "student": 202, "near": 606, "gpt2": 707}  # seeds of the endless training streams
TRAIN_ROWS = (303, 2400)                         # seed and size of reasoning-train.jsonl
HELD_OUT_ROWS = (404, 400)                       # seed and size of reasoning-heldout.jsonl
EVAL_ROWS = (505, 2000)                          # seed and size of the larger held-out set of the model cards


@dataclass(frozen=True)
class Entry:
    """One model of the zoo."""

    folder: str
    config: LlamaConfig | GPT2Config
    tokens: TokenizerSpec
    budget: Budget
    half: bool  # True: weights are rounded to float16 and stored so


ZOO: dict[str, Entry] = {
    "teacher": Entry(
        folder="couplet-teacher",
        config=LlamaConfig(vocab_size=TEACHER_TOKENS.vocab_size, hidden_size=128, intermediate_size=344,
                           num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
                           tie_word_embeddings=True, rms_norm_eps=1e-5),
        tokens=TEACHER_TOKENS, budget=Budget(steps=10_000, seed=1), half=True),
    "student": Entry(
        folder="couplet-student",
        config=LlamaConfig(vocab_size=STUDENT_TOKENS.vocab_size, hidden_size=64, intermediate_size=176,
                           num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4,
                           tie_word_embeddings=False, rms_norm_eps=1e-6),
        tokens=STUDENT_TOKENS, budget=Budget(steps=2_000, seed=2), half=False),
    "near": Entry(
        folder="couplet-student-near",
        config=LlamaConfig(vocab_size=NEAR_TOKENS.vocab_size, hidden_size=64, intermediate_size=176,
                           num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=4,
                           tie_word_embeddings=True, rms_norm_eps=1e-6),
        tokens=NEAR_TOKENS, budget=Budget(steps=2_000, seed=3), half=False),
    "gpt2": Entry(
        folder="couplet-gpt2",
        config=GPT2Config(vocab_size=GPT2_TOKENS.vocab_size, n_embd=64, n_layer=3, n_head=4, n_positions=256,
                          layer_norm_epsilon=1e-5),
        tokens=GPT2_TOKENS, budget=Budget(steps=3_000, seed=4), half=False),
}


def new_model(config: LlamaConfig | GPT2Config) -> Llama | GPT2:
    """A freshly initialised model of the family its configuration describes."""
    return GPT2(config) if isinstance(config, GPT2Config) else Llama(config)


def tokenizer_path(work: Path, name: str) -> Path:
    """Where the work folder keeps a model's tokenizer.json."""
    return work / f"{name}-tokenizer.json"


def weights_path(work: Path, name: str) -> Path:
    """Where the work folder keeps a model's last checkpoint."""
    return work / f"{name}.safetensors"


def load_tokenizer(work: Path, name: str) -> tuple[Tokenizer, int]:
    """A model's tokenizer and the id of its end-of-text token."""
    tokenizer = Tokenizer.from_file(str(tokenizer_path(work, name)))
    return tokenizer, tokenizer.token_to_id(ZOO[name].tokens.eos)


def load_model(work: Path, name: str) -> tuple[Llama | GPT2, dict[str, float]]:
    """A model with its checkpoint's weights, as they will be published, and the run's counters."""
    entry, path = ZOO[name], weights_path(work, name)
    weights = load_file(path)
    if entry.half:
        weights = {k: v.half().float() for k, v in weights.items()}
    model = new_model(entry.config)
    model.load_state_dict(weights)
    with safe_open(path, "pt") as file:
        progress = json.loads(file.metadata()["progress"])
    return model.eval(), progress
