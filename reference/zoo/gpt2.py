"""A GPT-2 with the parameter names and the arithmetic of Hugging Face's implementation.

Learned positions, LayerNorm, GELU by tanh, biases everywhere, matrices stored (in, out),
the head tied to the token table. `check.py` compares it with `transformers`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model import Cache


@dataclass(frozen=True)
class GPT2Config:
    """Shapes and constants, under the names of config.json."""

    vocab_size: int
    n_embd: int
    n_layer: int
    n_head: int
    n_positions: int
    layer_norm_epsilon: float

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.n_embd // self.n_head


class Conv1D(nn.Module):
    """x · weight + bias: a linear layer that stores its matrix (in, out)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to the last axis."""
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """Causal attention; queries, keys and values come from one matrix."""

    def __init__(self, c: GPT2Config) -> None:
        super().__init__()
        self.heads, self.head_dim = c.n_head, c.head_dim
        self.c_attn = Conv1D(c.n_embd, 3 * c.n_embd)
        self.c_proj = Conv1D(c.n_embd, c.n_embd)

    def forward(self, x: Tensor, mask: Tensor | None,
                past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (B, T, D), mask (B, 1, T, S) or None for plain causal; returns the layer's keys and values too."""
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, self.head_dim).transpose(1, 2)
                   for part in self.c_attn(x).chunk(3, dim=-1))
        if past is not None:
            k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)
        with torch.autocast("cpu", enabled=False):  # its bfloat16 backward is five times slower than float32
            out = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=mask, is_causal=mask is None)
        return self.c_proj(out.transpose(1, 2).reshape(batch, length, width)), (k, v)


class MLP(nn.Module):
    """Two layers with GELU between."""

    def __init__(self, c: GPT2Config) -> None:
        super().__init__()
        self.c_fc = Conv1D(c.n_embd, 4 * c.n_embd)
        self.c_proj = Conv1D(4 * c.n_embd, c.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        """proj(gelu(fc(x)))."""
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """One pre-norm transformer block."""

    def __init__(self, c: GPT2Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.attn = Attention(c)
        self.ln_2 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)
        self.mlp = MLP(c)

    def forward(self, x: Tensor, mask: Tensor | None,
                past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Attention, then MLP, each on a normalised copy of the residual stream."""
        attended, cache = self.attn(self.ln_1(x), mask, past)
        x = x + attended
        return x + self.mlp(self.ln_2(x)), cache


class GPT2(nn.Module):
    """The language model. `hidden` gives the states after the final norm, `head` their logits."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.transformer = nn.Module()
        self.transformer.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.transformer.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.transformer.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.transformer.ln_f = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        depth = (2 * config.n_layer) ** -0.5
        for name, p in self.named_parameters():
            if p.dim() == 2:
                into_residual = name.endswith("c_proj.weight")
                looks_up = "wte" in name or "wpe" in name
                nn.init.normal_(p, std=0.02 if looks_up else p.shape[0] ** -0.5 * (depth if into_residual else 1.0))

    def hidden(self, ids: Tensor, mask: Tensor | None = None, positions: Tensor | None = None,
               past: Cache | None = None) -> tuple[Tensor, Cache]:
        """States (B, T, D) after the final norm, and the cache for the next call."""
        if positions is None:
            positions = torch.arange(ids.shape[1])[None]
        x, cache = self.transformer.wte(ids) + self.transformer.wpe(positions), []
        for i, block in enumerate(self.transformer.h):
            x, kept = block(x, mask, past[i] if past else None)
            cache.append(kept)
        return self.transformer.ln_f(x), cache

    def head(self, states: Tensor) -> Tensor:
        """Logits of some states."""
        return F.linear(states, self.transformer.wte.weight)
