"""Goldens for LoRA: the llama-tied-gqa of the student goldens, frozen, with adapters trained for ten steps by PyTorch.

    OMP_NUM_THREADS=1 python reference/goldens/make_lora_goldens.py

Reads test/fixtures/student/llama-tied-gqa.json (config, batch, weights) and writes test/fixtures/student/lora.json: the
adapters' first values, the logits, every adapter's gradient, and the losses of ten AdamW steps with clipping.
B starts away from zero, so that A has a gradient in the first step.
"""

import base64
import json

import numpy as np
import torch
import transformers
from make_student_goldens import OPTIMIZER, OUT, SEED, encode, encode_all, loss_of
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

SETTINGS = {"rank": 3, "alpha": 5.0, "targets": ["q_proj", "v_proj", "down_proj"]}


class LoraLinear(nn.Module):
    """y = x Wᵀ + (alpha / rank) (x Aᵀ) Bᵀ, Hu et al. 2021."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        self.lora_A = nn.Linear(base.in_features, rank, bias=False)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False)

    def forward(self, x):
        return self.base(x) + self.scale * self.lora_B(self.lora_A(x))


def floats(text, shape):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype="<f4").copy()).reshape(shape)


def main():
    golden = json.loads((OUT / "llama-tied-gqa.json").read_text())
    config = LlamaConfig(**golden["config"])
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).float().train()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(floats(golden["weights"][name]["data"], golden["weights"][name]["shape"]))
    model.requires_grad_(False)
    torch.manual_seed(SEED)
    for block in model.model.layers:
        for parent in (block.self_attn, block.mlp):
            for target in SETTINGS["targets"]:
                if hasattr(parent, target):
                    adapted = LoraLinear(getattr(parent, target), SETTINGS["rank"], SETTINGS["alpha"])
                    nn.init.normal_(adapted.lora_B.weight, std=0.1)
                    setattr(parent, target, adapted)
    adapters = {n: p for n, p in model.named_parameters() if "lora_" in n}
    assert all(p.requires_grad for p in adapters.values())
    first = encode_all(adapters.items())

    batch = golden["batch"]
    shape = (batch["rows"], batch["length"])
    ids, labels = torch.tensor(batch["ids"]).reshape(shape), torch.tensor(batch["labels"]).reshape(shape)
    optimizer = torch.optim.AdamW(
        adapters.values(),
        lr=OPTIMIZER["lr"],
        betas=OPTIMIZER["betas"],
        eps=OPTIMIZER["eps"],
        weight_decay=OPTIMIZER["weight_decay"],
    )
    losses, norms = [], []
    for step in range(10):
        optimizer.zero_grad()
        logits = model(input_ids=ids).logits
        loss = loss_of(logits, labels)
        loss.backward()
        if step == 0:
            first_logits = logits.detach().numpy()
            gradients = encode_all((n, p.grad) for n, p in adapters.items())
        norms.append(torch.nn.utils.clip_grad_norm_(adapters.values(), OPTIMIZER["clip"]).item())
        optimizer.step()
        losses.append(loss.item())
    out = {
        "made_by": "reference/goldens/make_lora_goldens.py",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__},
        "seed": SEED,
        "settings": SETTINGS,
        "adapters": first,
        "logits": encode(first_logits),
        "gradients": gradients,
        "losses": losses,
        "norms": norms,
    }
    path = OUT / "lora.json"
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes, losses {losses[0]:.6f} to {losses[-1]:.6f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
