"""Goldens for the student engine: a small random checkpoint of every family, trained for ten steps by PyTorch.

    OMP_NUM_THREADS=1 python reference/goldens/make_student_goldens.py

Writes test/fixtures/student/*.json: config.json as Hugging Face saves it, batch, initial weights, logits, the loss over
the response rows, every named gradient, and the losses of ten AdamW steps with clipping. Arrays are base64 of
little-endian f32. Everything is computed in float32 on the CPU with one thread, the eager attention and no dropout.
"""

import base64
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import (Gemma3ForCausalLM, Gemma3TextConfig, GPT2Config, GPT2LMHeadModel, GPTNeoXConfig,
                          GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)

SEED = 1729
IGNORE = -100
OUT = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "student"
OPTIMIZER = {"lr": 3e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "clip": 1.0}
IDS = dict(eos_token_id=1, bos_token_id=1, pad_token_id=0)


def decoder(**changes):
    """Sizes that no tile divides; heads of 4 or 12 are the smallest that the kernels take."""
    sizes = dict(vocab_size=37, hidden_size=18, intermediate_size=22, num_hidden_layers=2, num_attention_heads=3,
                 num_key_value_heads=1, head_dim=4, max_position_embeddings=32, **IDS)
    return {**sizes, **changes}


def llama(**changes):
    return LlamaForCausalLM, LlamaConfig(**decoder(**changes))


def neox(**changes):
    sizes = dict(vocab_size=31, hidden_size=16, intermediate_size=22, num_hidden_layers=2, num_attention_heads=2,
                 max_position_embeddings=32, tie_word_embeddings=False, **IDS)
    return GPTNeoXForCausalLM, GPTNeoXConfig(**{**sizes, **changes})


# Scaled positions start from lengths so short that a batch of 13 tokens reaches beyond them.
LLAMA3 = dict(rope_type="llama3", rope_theta=100.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)
YARN = dict(rope_type="yarn", rope_theta=1000.0, factor=4.0, original_max_position_embeddings=16, beta_fast=3.0,
            beta_slow=0.5)
LINEAR = dict(rope_type="linear", rope_theta=10000.0, factor=2.5)

VARIANTS = {
    "llama-tied-gqa": lambda: llama(hidden_size=20, num_attention_heads=4, num_key_value_heads=2, head_dim=8, rms_norm_eps=1e-5,
                                    tie_word_embeddings=True),
    "llama-untied-mha": lambda: llama(num_attention_heads=2, num_key_value_heads=2, head_dim=12, num_hidden_layers=1,
                                      rope_parameters=dict(rope_type="default", rope_theta=500.0)),
    "llama-llama3": lambda: llama(head_dim=12, rope_parameters=LLAMA3, num_hidden_layers=1, tie_word_embeddings=True),
    "llama-yarn-biases": lambda: llama(head_dim=12, rope_parameters=YARN, num_hidden_layers=1, attention_bias=True,
                                       mlp_bias=True),
    "llama-linear": lambda: llama(rope_parameters=LINEAR, num_hidden_layers=1, hidden_size=12, intermediate_size=10),
    "qwen2": lambda: (Qwen2ForCausalLM, Qwen2Config(**decoder(tie_word_embeddings=True))),
    "qwen3": lambda: (Qwen3ForCausalLM, Qwen3Config(**decoder(head_dim=8, hidden_size=20, num_attention_heads=4,
                                                              num_key_value_heads=2, num_hidden_layers=1))),
    "gpt2": lambda: (GPT2LMHeadModel, GPT2Config(vocab_size=37, n_embd=20, n_layer=2, n_head=5, n_positions=24,
                                                 n_inner=28, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, **IDS)),
    "gpt-neox": lambda: neox(rope_parameters=dict(rope_type="default", rope_theta=10000.0,
                                                  partial_rotary_factor=0.34)),
    "gpt-neox-in-turn": lambda: neox(use_parallel_residual=False, hidden_act="gelu_new", num_hidden_layers=1,
                                     rope_parameters=dict(rope_type="default", rope_theta=10000.0,
                                                          partial_rotary_factor=1.0)),
    "gemma3": lambda: (Gemma3ForCausalLM, Gemma3TextConfig(
        **decoder(num_hidden_layers=3, num_attention_heads=2, head_dim=8, intermediate_size=14, hidden_size=18),
        sliding_window=4, query_pre_attn_scalar=10, tie_word_embeddings=True,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
}


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def encode_all(named):
    return {name: {"shape": list(t.shape), "data": encode(t.detach().numpy())} for name, t in named}


def make_batch(vocab, rows=3, length=13):
    """Ragged rows, padded with token 0 at the end; the second half of each is the response."""
    ids = torch.zeros(rows, length, dtype=torch.long)
    labels = torch.full((rows, length), IGNORE)
    for row, used in enumerate([13, 9, 5]):
        ids[row, :used] = torch.randint(1, vocab, (used,))
        first = used // 2
        labels[row, first - 1 : used - 1] = ids[row, first:used]  # the label of a position is the next token
    return ids, labels


def loss_of(logits, labels):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE)


def initial(name, p, config):
    """Norms near 1 (Gemma's, stored as what is added to 1, near 0), biases near 0, matrices wide enough to matter."""
    if p.ndim > 1:
        return 0.15 * torch.randn_like(p)
    around = 1 if name.endswith("weight") and config.model_type != "gemma3_text" else 0
    return around + 0.2 * torch.randn_like(p)


def make(name, build):
    torch.manual_seed(SEED)
    kind, config = build()
    config._attn_implementation = "eager"
    model = kind(config).float().train()
    with torch.no_grad():
        for parameter_name, p in model.named_parameters():
            p.copy_(initial(parameter_name, p, config))
    ids, labels = make_batch(config.vocab_size)
    weights = encode_all(model.named_parameters())

    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": decay, "weight_decay": OPTIMIZER["weight_decay"]}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=OPTIMIZER["lr"], betas=OPTIMIZER["betas"], eps=OPTIMIZER["eps"])
    losses, norms = [], []
    for step in range(10):
        optimizer.zero_grad()
        logits = model(input_ids=ids).logits
        loss = loss_of(logits, labels)
        loss.backward()
        if step == 0:
            first_logits = logits.detach().numpy()
            gradients = encode_all((n, p.grad) for n, p in model.named_parameters())
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["clip"]).item())
        optimizer.step()
        losses.append(loss.item())

    golden = {
        "made_by": "reference/goldens/make_student_goldens.py",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__},
        "seed": SEED,
        "config": json.loads(config.to_json_string(use_diff=False)),
        "optimizer": OPTIMIZER,
        "batch": {
            "rows": ids.shape[0],
            "length": ids.shape[1],
            "ids": ids.flatten().tolist(),
            "labels": labels.flatten().tolist(),
        },
        "weights": weights,
        "logits": encode(first_logits),
        "gradients": gradients,
        "losses": losses,
        "norms": norms,
    }
    path = OUT / f"{name}.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes, losses {losses[0]:.6f} to {losses[-1]:.6f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    OUT.mkdir(parents=True, exist_ok=True)
    for variant, build in VARIANTS.items():
        make(variant, build)
