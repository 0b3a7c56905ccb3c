"""A Llama with the parameter names and the arithmetic of Hugging Face's implementation.

Half-rotation RoPE, RMSNorm, SwiGLU, grouped-query attention, no biases. `check.py`
compares it with `transformers` on the exported folders.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Cache = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class LlamaConfig:
    """Shapes and constants, under the names of config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    tie_word_embeddings: bool
    rms_norm_eps: float
    rope_theta: float = 10000.0
    max_position_embeddings: int = 512

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads


class RMSNorm(nn.Module):
    """x / rms(x) · weight."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis."""
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding, the two halves of a head forming the pairs."""
    low, high = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-high, low), dim=-1) * sin


class Attention(nn.Module):
    """Causal attention; several query heads share one key/value head."""

    def __init__(self, c: LlamaConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        kv_width = c.num_key_value_heads * c.head_dim
        self.q_proj = nn.Linear(c.hidden_size, c.hidden_size, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, kv_width, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, kv_width, bias=False)
        self.o_proj = nn.Linear(c.hidden_size, c.hidden_size, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None,
                past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """x (B, T, D), mask (B, 1, T, S) or None for plain causal; returns the layer's keys and values too."""
        batch, length, width = x.shape

        def split(y: Tensor, heads: int) -> Tensor:
            return y.view(batch, length, heads, self.head_dim).transpose(1, 2)

        q = rotate(split(self.q_proj(x), self.heads), cos, sin)
        k = rotate(split(self.k_proj(x), self.kv_heads), cos, sin)
        v = split(self.v_proj(x), self.kv_heads)
        if past is not None:
            k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)
        group = self.heads // self.kv_heads
        shared_k, shared_v = (k, v) if group == 1 else (k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1))
        with torch.autocast("cpu", enabled=False):  # its bfloat16 backward is five times slower than float32
            out = F.scaled_dot_product_attention(q.float(), shared_k.float(), shared_v.float(),
                                                 attn_mask=mask, is_causal=mask is None)
        return self.o_proj(out.transpose(1, 2).reshape(batch, length, width)), (k, v)


class MLP(nn.Module):
    """SwiGLU."""

    def __init__(self, c: LlamaConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """down(silu(gate(x)) · up(x))."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One pre-norm transformer block."""

    def __init__(self, c: LlamaConfig) -> None:
        super().__init__()
        self.self_attn = Attention(c)
        self.mlp = MLP(c)
        self.input_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None,
                past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Attention, then MLP, each on a normalised copy of the residual stream."""
        attended, cache = self.self_attn(self.input_layernorm(x), cos, sin, mask, past)
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x)), cache


class Llama(nn.Module):
    """The language model. `hidden` gives the states after the final norm, `head` their logits."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.model.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.model.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self._initialise()

    def _initialise(self) -> None:
        depth = (2 * self.config.num_hidden_layers) ** -0.5
        for name, p in self.named_parameters():
            if p.dim() < 2:
                continue
            into_residual = name.endswith(("o_proj.weight", "down_proj.weight"))
            looks_up = "embed_tokens" in name or "lm_head" in name
            nn.init.normal_(p, std=0.02 if looks_up else p.shape[1] ** -0.5 * (depth if into_residual else 1.0))

    @property
    def head_weight(self) -> Tensor:
        """(V, D): the head's matrix, which is the embedding when they are tied."""
        return self.model.embed_tokens.weight if self.config.tie_word_embeddings else self.lm_head.weight

    def _rotary(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        pairs = torch.arange(0, self.config.head_dim, 2, dtype=torch.float32)
        angles = positions[..., None].float() * self.config.rope_theta ** (-pairs / self.config.head_dim)
        angles = torch.cat((angles, angles), dim=-1).unsqueeze(-3)
        return angles.cos(), angles.sin()

    def hidden(self, ids: Tensor, mask: Tensor | None = None, positions: Tensor | None = None,
               past: Cache | None = None) -> tuple[Tensor, Cache]:
        """States (B, T, D) after the final norm, and the cache for the next call."""
        if positions is None:
            positions = torch.arange(ids.shape[1])[None]
        cos, sin = self._rotary(positions)
        x, cache = self.model.embed_tokens(ids), []
        for i, layer in enumerate(self.model.layers):
            x, kept = layer(x, cos, sin, mask, past[i] if past else None)
            cache.append(kept)
        return self.model.norm(x), cache

    def head(self, states: Tensor) -> Tensor:
        """Logits of some states."""
        return F.linear(states, self.head_weight)
