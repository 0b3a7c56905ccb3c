"""Check published folders in Python: our model, transformers and ONNX Runtime must agree.

    python check.py --models DIR --cases FILE

Also writes FILE, which check.mjs reads to hold transformers.js to the same answers.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks import distinct, stream
from zoo import ZOO

ODD_TEXTS = ["", " ", "\n\n", "  two  spaces ", "tab\there", "Don't stop!", "1234567890", "3.14159 x 2,000",
             "naïve café", "日本語のテキスト", "Привет, мир", "مرحبا", "👩‍🚀🚀 emoji", "\u200bzero width",
             "a\r\nb", "<s> </s> <pad>", "<|end|>x", "UPPER lower MiXeD", "x" * 60, "🇩🇪é́", "\x00\x01\x7f", "—dash–", "if (a && b) { return c[0]; }", "\u00a0nbsp"]
ALPHABETS = ["abcdefghij .,!?", "0123456789 +-=", "äöüßéñç ", "日本中国語 ", "😀🎉👍 a", " \n\t.,:;'\"()"]
TOLERANCE = 1e-4


def sample_texts() -> list[str]:
    """Problems of both views, odd texts, and random strings from several alphabets."""
    rng = random.Random(6)
    problems = distinct(stream(7, want_held_out=True), 60)
    texts = [part for p in problems for cot in (True, False) for part in p.view(cot)]
    noise = ["".join(rng.choices(rng.choice(ALPHABETS), k=rng.randint(1, 40))) for _ in range(120)]
    return texts + ODD_TEXTS + noise


def run_onnx(path: Path, config: object, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor) -> np.ndarray:
    """Logits of the ONNX file on an empty cache."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {"input_ids": ids.numpy(), "attention_mask": mask.numpy(), "position_ids": positions.numpy()}
    kv_heads = getattr(config, "num_key_value_heads", config.num_attention_heads)
    for layer in range(config.num_hidden_layers):
        for part in ("key", "value"):
            shape = (ids.shape[0], kv_heads, 0, config.hidden_size // config.num_attention_heads)
            feeds[f"past_key_values.{layer}.{part}"] = np.zeros(shape, np.float32)
    return session.run(["logits"], feeds)[0]


@torch.no_grad()
def check(folder: Path) -> dict[str, object]:
    """Compare on a ragged batch, padded on either side; returns the cases for check.mjs."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    prompts = [distinct(stream(8, want_held_out=True), 9)[i].view(True)[0] for i in (0, 4, 8)]
    worst = 0.0
    for side in ("left", "right"):
        tokenizer.padding_side = side
        batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False,
                          return_token_type_ids=False)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        expected = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits
        actual = run_onnx(folder / "onnx" / "model.onnx", model.config, ids, mask, positions)
        worst = max(worst, float(np.abs(expected.numpy() - actual)[mask.bool().numpy()].max()))
        for i, prompt in enumerate(prompts):  # padding must not matter
            alone = model(torch.tensor([tokenizer.encode(prompt, add_special_tokens=False)])).logits[0]
            worst = max(worst, float((torch.tensor(actual[i])[mask[i].bool()] - alone).abs().max()))
    print(f"{folder.name}: largest logit difference, transformers against ONNX Runtime: {worst:.1e}")
    if worst > TOLERANCE:
        raise SystemExit(f"expected at most {TOLERANCE}, got {worst}")

    texts = sample_texts()
    tokens = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    for text, ids in zip(texts, tokens):
        if tokenizer.decode(ids) != text:
            raise SystemExit(f"{folder.name}: {text!r} does not survive encoding and decoding")
        if tokenizer.encode(text) != ids:
            raise SystemExit(f"{folder.name}: add_special_tokens adds tokens to {text!r}")
    replies, lasts = [], []
    for prompt in prompts:
        ids = torch.tensor([tokenizer.encode(prompt, add_special_tokens=False)])
        lasts.append(model(ids).logits[0, -1].tolist())
        reply = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=96)
        replies.append(reply[0, ids.shape[1]:].tolist())
        print(f"  {tokenizer.decode(replies[-1])!r}")
    return {"folder": folder.name, "texts": texts, "tokens": tokens,
            "prompts": prompts, "replies": replies, "last_logits": lasts}


def main() -> None:
    """Check every model of the zoo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path(__file__).resolve().parents[2] / "public" / "models")
    parser.add_argument("--cases", type=Path, required=True, help="JSON file to write for check.mjs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.cases.write_text(json.dumps([check(args.models / entry.folder) for entry in ZOO.values()]), encoding="utf-8")


if __name__ == "__main__":
    main()
