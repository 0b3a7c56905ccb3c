"""Goldens for the student engine: two small random Llamas, trained for ten steps by PyTorch.

    OMP_NUM_THREADS=1 python reference/goldens/make_student_goldens.py

Writes test/fixtures/student/{tied-gqa,untied-mha}.json: config, batch, initial weights, logits, the loss over the
response rows, every named gradient, and the losses of ten AdamW steps with clipping. Arrays are base64 of
little-endian f32. Everything is computed in float32 on the CPU with one thread and the eager attention.
"""

import base64
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

SEED = 1729
IGNORE = -100
OUT = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "student"
OPTIMIZER = {"lr": 3e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "clip": 1.0}

VARIANTS = {
    "tied-gqa": dict(
        vocab_size=67, hidden_size=32, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=32, rms_norm_eps=1e-5, rope_theta=10000.0,
        tie_word_embeddings=True,
    ),
    "untied-mha": dict(
        vocab_size=43, hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=12, max_position_embeddings=32, rms_norm_eps=1e-6, rope_theta=500.0,
        tie_word_embeddings=False,
    ),
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


def make(name, settings):
    torch.manual_seed(SEED)
    config = LlamaConfig(**settings, attention_bias=False, mlp_bias=False)
    config._attn_implementation = "eager"
    assert config.rope_parameters["rope_theta"] == settings["rope_theta"], config.rope_parameters
    model = LlamaForCausalLM(config).float().train()
    with torch.no_grad():
        for parameter_name, p in model.named_parameters():
            p.copy_(1 + 0.2 * torch.randn_like(p) if p.ndim == 1 else 0.15 * torch.randn_like(p))
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
        "config": settings,
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
    for variant, variant_settings in VARIANTS.items():
        make(variant, variant_settings)
