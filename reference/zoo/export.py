"""Write the zoo where the playground reads it: Hugging Face style folders, and the rows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
from safetensors.torch import save_file

from gpt2 import GPT2Config
from model import LlamaConfig
from onnx_graph import decoder_onnx
from tasks import Problem, distinct, held_out, stream
from tokenizer import tokenizer_config
from zoo import HELD_OUT_ROWS, TRAIN_ROWS, ZOO, load_model, load_tokenizer, tokenizer_path


def write_json(path: Path, value: object) -> None:
    """Indented JSON with a final line break."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def export_model(work: Path, models: Path, name: str) -> None:
    """One folder: configuration, tokenizer, safetensors and ONNX, all from the same weights."""
    entry, c = ZOO[name], ZOO[name].config
    model, _ = load_model(work, name)
    tokenizer, eos = load_tokenizer(work, name)
    bos, pad = tokenizer.token_to_id(entry.tokens.bos), tokenizer.token_to_id(entry.tokens.pad)
    folder = models / entry.folder
    (folder / "onnx").mkdir(parents=True, exist_ok=True)

    ids = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad}
    write_json(folder / "config.json", config_json(c, ids, "float16" if entry.half else "float32"))
    write_json(folder / "generation_config.json", {**ids, "do_sample": False, "max_new_tokens": 96})
    write_json(folder / "tokenizer_config.json", tokenizer_config(entry.tokens, positions(c)))
    shutil.copyfile(tokenizer_path(work, name), folder / "tokenizer.json")

    weights = {k: v.detach().contiguous() for k, v in model.state_dict().items()}
    stored = {k: v.half() for k, v in weights.items()} if entry.half else weights
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # safetensors makes it private
    onnx.save(decoder_onnx(c, {k: v.numpy() for k, v in weights.items()}), str(folder / "onnx" / "model.onnx"))


def positions(c: LlamaConfig | GPT2Config) -> int:
    """The longest text a model takes."""
    return c.n_positions if isinstance(c, GPT2Config) else c.max_position_embeddings


def config_json(c: LlamaConfig | GPT2Config, ids: dict[str, int], dtype: str) -> dict[str, object]:
    """The contents of config.json."""
    if isinstance(c, GPT2Config):
        return {
            "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.0, **ids,
            "embd_pdrop": 0.0, "initializer_range": 0.02, "layer_norm_epsilon": c.layer_norm_epsilon,
            "model_type": "gpt2", "n_embd": c.n_embd, "n_head": c.n_head, "n_inner": 4 * c.n_embd,
            "n_layer": c.n_layer, "n_positions": c.n_positions, "resid_pdrop": 0.0, "tie_word_embeddings": True,
            "torch_dtype": dtype, "use_cache": True, "vocab_size": c.vocab_size,
        }
    return {
        "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, **ids,
        "head_dim": c.head_dim, "hidden_act": "silu", "hidden_size": c.hidden_size, "initializer_range": 0.02,
        "intermediate_size": c.intermediate_size, "max_position_embeddings": c.max_position_embeddings,
        "mlp_bias": False, "model_type": "llama", "num_attention_heads": c.num_attention_heads,
        "num_hidden_layers": c.num_hidden_layers, "num_key_value_heads": c.num_key_value_heads,
        "rms_norm_eps": c.rms_norm_eps, "rope_scaling": None, "rope_theta": c.rope_theta,
        "tie_word_embeddings": c.tie_word_embeddings, "torch_dtype": dtype,
        "use_cache": True, "vocab_size": c.vocab_size,
    }


def row(identifier: str, problem: Problem) -> dict[str, str]:
    """Both views of a problem as one record."""
    prompt, output = problem.view(cot=False)
    prompt_cot, output_cot = problem.view(cot=True)
    return {"id": identifier, "family": problem.family, "prompt": prompt, "output": output,
            "prompt_cot": prompt_cot, "output_cot": output_cot, "answer": problem.answer}


def export_rows(data: Path) -> None:
    """reasoning-train.jsonl and reasoning-heldout.jsonl, distinct questions, disjoint halves."""
    data.mkdir(parents=True, exist_ok=True)
    for half, wanted, (seed, count) in (("train", False, TRAIN_ROWS), ("heldout", True, HELD_OUT_ROWS)):
        problems = distinct(stream(seed, want_held_out=wanted), count)
        assert all(held_out(p.question) == wanted for p in problems)
        lines = [json.dumps(row(f"{half}-{i:04d}", p), ensure_ascii=False) for i, p in enumerate(problems)]
        (data / f"reasoning-{half}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
