"""The ONNX graphs of a Llama and a GPT-2: standard operators only, with a key/value cache.

Inputs and outputs carry the names transformers.js expects of either `model_type`. Nodes
are named after the module they belong to, initializers after their parameter; a matrix
that multiplies from the right is stored transposed, its name ending in `_t`. A tied
embedding is stored once and transposed in the graph.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gpt2 import GPT2Config
from model import LlamaConfig

OPSET = 17
IR_VERSION = 8
MASKED = np.float32(-1e9)


class Graph:
    """Collects nodes and initializers while the model is written down once, front to back."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, inputs: list[str], name: str, output: str | None = None, **attributes: object) -> str:
        """Add a node with one output; returns the output's name."""
        output = output or f"{name}_output_0"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def weight(self, name: str, value: np.ndarray) -> str:
        """Add an initializer under a name of its own."""
        self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def ints(self, *values: int) -> str:
        """A one-dimensional int64 constant, shared by all its users."""
        return self.weight("const.ints." + "_".join(map(str, values)), np.array(values, np.int64))

    def scalar(self, name: str, value: float | int | np.generic) -> str:
        """A named scalar constant: int64 for an int, else float32."""
        kind = np.int64 if isinstance(value, int) else np.float32
        return self.weight(f"const.{name}", np.array(value, kind))


def node_scope(module: str) -> str:
    """model.layers.0.mlp -> /model/layers.0/mlp."""
    return "/" + module.replace(".", "/").replace("layers/", "layers.").replace("/h/", "/h.")


class DecoderGraph(Graph):
    """What both families share. Shapes: B batch, T new tokens, S all tokens, D width."""

    def __init__(self, head_dim: int, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.head_dim, self.weights = head_dim, weights

    def mask(self) -> str:
        """(B, 1, T, S): 0 where query t may see key s, a large negative number elsewhere."""
        at = "/model/causal_mask"
        new, total = (self.op("Gather", [self.op("Shape", [tensor], f"{at}/Shape_{tensor}"), self.scalar("one", 1)],
                              f"{at}/Length_{tensor}", axis=0) for tensor in ("input_ids", "attention_mask"))
        keys = self.op("Range", [self.scalar("zero", 0), total, self.scalar("one", 1)], f"{at}/Range_keys")
        first = self.op("Sub", [total, new], f"{at}/Sub")
        queries = self.op("Range", [first, total, self.scalar("one", 1)], f"{at}/Range_queries")
        causal = self.op("LessOrEqual", [self.op("Unsqueeze", [keys, self.ints(0)], f"{at}/Unsqueeze_keys"),
                                         self.op("Unsqueeze", [queries, self.ints(1)], f"{at}/Unsqueeze_queries")],
                         f"{at}/LessOrEqual")
        real = self.op("Cast", [self.op("Unsqueeze", ["attention_mask", self.ints(1, 2)], f"{at}/Unsqueeze_real")],
                       f"{at}/Cast", to=TensorProto.BOOL)
        seen = self.op("And", [causal, real], f"{at}/And")
        return self.op("Where", [seen, self.scalar("seen", 0.0), self.scalar("masked", MASKED)], f"{at}/Where")

    def heads(self, x: str, count: int, at: str) -> str:
        """(B, T, count·head_dim) -> (B, count, T, head_dim)."""
        split = self.op("Reshape", [x, self.ints(0, 0, count, self.head_dim)], f"{at}/Reshape")
        return self.op("Transpose", [split], f"{at}/Transpose", perm=[0, 2, 1, 3])

    def attend(self, q: str, k: str, v: str, layer: int, mask: str, at: str) -> str:
        """softmax(q·kᵀ / √head_dim + mask)·v over as many key heads as query heads, (B, T, heads·head_dim)."""
        columns = self.op("Transpose", [k], f"{at}/Transpose_key", perm=[0, 1, 3, 2])
        scaled = self.op("Mul", [q, self.scalar("scale", self.head_dim ** -0.5)], f"{at}/Mul_scale")
        scores = self.op("Add", [self.op("MatMul", [scaled, columns], f"{at}/MatMul_scores"), mask], f"{at}/Add_mask")
        mixed = self.op("MatMul", [self.op("Softmax", [scores], f"{at}/Softmax", axis=-1), v], f"{at}/MatMul_values")
        back = self.op("Transpose", [mixed], f"{at}/Transpose_out", perm=[0, 2, 1, 3])
        return self.op("Reshape", [back, self.ints(0, 0, -1)], f"{at}/Reshape_out")

    def cached(self, kind: str, fresh: str, layer: int, at: str) -> str:
        """The keys or values so far, with the new ones behind."""
        return self.op("Concat", [f"past_key_values.{layer}.{kind}", fresh], f"{at}/Concat_{kind}",
                       f"present.{layer}.{kind}", axis=2)


class LlamaGraph(DecoderGraph):
    """Writes one Llama."""

    def __init__(self, config: LlamaConfig, weights: dict[str, np.ndarray]) -> None:
        super().__init__(config.head_dim, weights)
        self.config = config

    def linear(self, x: str, module: str) -> str:
        """x · Wᵀ."""
        matrix = self.weight(f"{module}.weight_t", self.weights[f"{module}.weight"].T)
        return self.op("MatMul", [x, matrix], f"{node_scope(module)}/MatMul")

    def norm(self, x: str, module: str) -> str:
        """RMSNorm, spelled out."""
        at = node_scope(module)
        square = self.op("Mul", [x, x], f"{at}/Square")
        mean = self.op("ReduceMean", [square], f"{at}/ReduceMean", axes=[-1], keepdims=1)
        shifted = self.op("Add", [mean, self.scalar("eps", self.config.rms_norm_eps)], f"{at}/Add")
        unit = self.op("Div", [x, self.op("Sqrt", [shifted], f"{at}/Sqrt")], f"{at}/Div")
        return self.op("Mul", [unit, self.weight(f"{module}.weight", self.weights[f"{module}.weight"])], f"{at}/Mul")

    def rotary(self) -> tuple[str, str]:
        """cos and sin (B, 1, T, head_dim) of the position ids."""
        at, size = "/model/rotary_emb", self.config.head_dim
        frequencies = self.config.rope_theta ** (-np.arange(0, size, 2, dtype=np.float64) / size)
        table = self.weight("const.rope_frequencies", np.tile(frequencies, 2).astype(np.float32))
        positions = self.op("Cast", ["position_ids"], f"{at}/Cast", to=TensorProto.FLOAT)
        angles = self.op("Mul", [self.op("Unsqueeze", [positions, self.ints(1, 3)], f"{at}/Unsqueeze"), table], f"{at}/Mul")
        return self.op("Cos", [angles], f"{at}/Cos"), self.op("Sin", [angles], f"{at}/Sin")

    def rotate(self, x: str, rotary: tuple[str, str], at: str) -> str:
        """Half-rotation RoPE."""
        half, size, axis = self.config.head_dim // 2, self.config.head_dim, self.ints(3)
        low = self.op("Slice", [x, self.ints(0), self.ints(half), axis], f"{at}/Slice_low")
        high = self.op("Slice", [x, self.ints(half), self.ints(size), axis], f"{at}/Slice_high")
        turned = self.op("Concat", [self.op("Neg", [high], f"{at}/Neg"), low], f"{at}/Concat", axis=3)
        return self.op("Add", [self.op("Mul", [x, rotary[0]], f"{at}/Mul_cos"),
                               self.op("Mul", [turned, rotary[1]], f"{at}/Mul_sin")], f"{at}/Add")

    def share(self, x: str, at: str) -> str:
        """Give each query head its key/value head: (B, KV, S, head_dim) -> (B, H, S, head_dim)."""
        heads, kv, size = self.config.num_attention_heads, self.config.num_key_value_heads, self.config.head_dim
        if heads == kv:
            return x
        wide = self.op("Expand", [self.op("Unsqueeze", [x, self.ints(2)], f"{at}/Unsqueeze"),
                                  self.ints(1, 1, heads // kv, 1, 1)], f"{at}/Expand")
        return self.op("Reshape", [wide, self.ints(0, heads, -1, size)], f"{at}/Reshape")

    def attention(self, x: str, layer: int, rotary: tuple[str, str], mask: str) -> str:
        """Self-attention of one layer, reading and extending its cache."""
        c, module = self.config, f"model.layers.{layer}.self_attn"
        at = node_scope(module)
        q = self.rotate(self.heads(self.linear(x, f"{module}.q_proj"), c.num_attention_heads, f"{at}/q"), rotary, f"{at}/q_rope")
        k = self.rotate(self.heads(self.linear(x, f"{module}.k_proj"), c.num_key_value_heads, f"{at}/k"), rotary, f"{at}/k_rope")
        v = self.heads(self.linear(x, f"{module}.v_proj"), c.num_key_value_heads, f"{at}/v")
        k, v = self.cached("key", k, layer, at), self.cached("value", v, layer, at)
        joined = self.attend(q, self.share(k, f"{at}/share_key"), self.share(v, f"{at}/share_value"), layer, mask, at)
        return self.linear(joined, f"{module}.o_proj")

    def mlp(self, x: str, layer: int) -> str:
        """SwiGLU of one layer."""
        module = f"model.layers.{layer}.mlp"
        gate = self.linear(x, f"{module}.gate_proj")
        open_ = self.op("Mul", [gate, self.op("Sigmoid", [gate], f"{node_scope(module)}/act_fn/Sigmoid")],
                        f"{node_scope(module)}/act_fn/Mul")
        return self.linear(self.op("Mul", [open_, self.linear(x, f"{module}.up_proj")], f"{node_scope(module)}/Mul"),
                           f"{module}.down_proj")

    def write(self) -> None:
        """All nodes, from input_ids to logits."""
        embedding = self.weight("model.embed_tokens.weight", self.weights["model.embed_tokens.weight"])
        x = self.op("Gather", [embedding, "input_ids"], "/model/embed_tokens/Gather")
        rotary, mask = self.rotary(), self.mask()
        for layer in range(self.config.num_hidden_layers):
            module = f"model.layers.{layer}"
            attended = self.attention(self.norm(x, f"{module}.input_layernorm"), layer, rotary, mask)
            x = self.op("Add", [x, attended], f"{node_scope(module)}/Add")
            x = self.op("Add", [x, self.mlp(self.norm(x, f"{module}.post_attention_layernorm"), layer)],
                        f"{node_scope(module)}/Add_1")
        x = self.norm(x, "model.norm")
        if self.config.tie_word_embeddings:
            head = self.op("Transpose", [embedding], "/lm_head/Transpose", perm=[1, 0])
        else:
            head = self.weight("lm_head.weight_t", self.weights["lm_head.weight"].T)
        self.op("MatMul", [x, head], "/lm_head/MatMul", "logits")


class GPT2Graph(DecoderGraph):
    """Writes one GPT-2."""

    def __init__(self, config: GPT2Config, weights: dict[str, np.ndarray]) -> None:
        super().__init__(config.head_dim, weights)
        self.config = config

    def parameter(self, name: str) -> str:
        """A parameter as Hugging Face stores it; Conv1D matrices already multiply from the right."""
        return self.weight(name, self.weights[name])

    def conv(self, x: str, module: str) -> str:
        """x · W + b."""
        at = node_scope(module)
        product = self.op("MatMul", [x, self.parameter(f"{module}.weight")], f"{at}/MatMul")
        return self.op("Add", [product, self.parameter(f"{module}.bias")], f"{at}/Add")

    def norm(self, x: str, module: str) -> str:
        """LayerNorm."""
        return self.op("LayerNormalization", [x, self.parameter(f"{module}.weight"), self.parameter(f"{module}.bias")],
                       f"{node_scope(module)}/LayerNormalization", axis=-1, epsilon=self.config.layer_norm_epsilon)

    def attention(self, x: str, layer: int, mask: str) -> str:
        """Self-attention of one layer, reading and extending its cache."""
        c, module = self.config, f"transformer.h.{layer}.attn"
        at = node_scope(module)
        fused = self.conv(x, f"{module}.c_attn")
        parts = [f"{at}/Split_output_{i}" for i in range(3)]
        self.nodes.append(helper.make_node("Split", [fused, self.ints(*[c.n_embd] * 3)], parts, name=f"{at}/Split", axis=2))
        q, k, v = (self.heads(part, c.n_head, f"{at}/{name}") for part, name in zip(parts, "qkv"))
        k, v = self.cached("key", k, layer, at), self.cached("value", v, layer, at)
        return self.conv(self.attend(q, k, v, layer, mask, at), f"{module}.c_proj")

    def gelu(self, x: str, at: str) -> str:
        """0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))."""
        cube = self.op("Pow", [x, self.scalar("three", 3.0)], f"{at}/Pow")
        inner = self.op("Add", [x, self.op("Mul", [cube, self.scalar("gelu_cubic", 0.044715)], f"{at}/Mul")], f"{at}/Add")
        tanh = self.op("Tanh", [self.op("Mul", [inner, self.scalar("gelu_scale", (2 / np.pi) ** 0.5)], f"{at}/Mul_1")], f"{at}/Tanh")
        half = self.op("Mul", [x, self.scalar("half", 0.5)], f"{at}/Mul_2")
        return self.op("Mul", [half, self.op("Add", [tanh, self.scalar("one_f", 1.0)], f"{at}/Add_1")], f"{at}/Mul_3")

    def write(self) -> None:
        """All nodes, from input_ids to logits."""
        table = self.parameter("transformer.wte.weight")
        tokens = self.op("Gather", [table, "input_ids"], "/transformer/wte/Gather")
        places = self.op("Gather", [self.parameter("transformer.wpe.weight"), "position_ids"], "/transformer/wpe/Gather")
        x, mask = self.op("Add", [tokens, places], "/transformer/Add"), self.mask()
        for layer in range(self.config.n_layer):
            module = f"transformer.h.{layer}"
            at = node_scope(module)
            x = self.op("Add", [x, self.attention(self.norm(x, f"{module}.ln_1"), layer, mask)], f"{at}/Add")
            inner = self.conv(self.norm(x, f"{module}.ln_2"), f"{module}.mlp.c_fc")
            x = self.op("Add", [x, self.conv(self.gelu(inner, f"{at}/mlp/act"), f"{module}.mlp.c_proj")], f"{at}/Add_1")
        head = self.op("Transpose", [table], "/lm_head/Transpose", perm=[1, 0])
        self.op("MatMul", [self.norm(x, "transformer.ln_f"), head], "/lm_head/MatMul", "logits")


def decoder_onnx(config: LlamaConfig | GPT2Config, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The checked ONNX model of float32 weights under their Hugging Face names."""
    if isinstance(config, GPT2Config):
        graph, layers, kv_heads = GPT2Graph(config, weights), config.n_layer, config.n_head
    else:
        graph, layers, kv_heads = LlamaGraph(config, weights), config.num_hidden_layers, config.num_key_value_heads
    graph.write()
    value = helper.make_tensor_value_info
    new, total = ["batch_size", "sequence_length"], ["batch_size", "total_sequence_length"]
    inputs = [value("input_ids", TensorProto.INT64, new), value("attention_mask", TensorProto.INT64, total),
              value("position_ids", TensorProto.INT64, new)]
    outputs = [value("logits", TensorProto.FLOAT, [*new, config.vocab_size])]
    for layer in range(layers):
        for part in ("key", "value"):
            past, present = (["batch_size", kv_heads, length, config.head_dim]
                             for length in ("past_sequence_length", "total_sequence_length"))
            inputs.append(value(f"past_key_values.{layer}.{part}", TensorProto.FLOAT, past))
            outputs.append(value(f"present.{layer}.{part}", TensorProto.FLOAT, present))
    family = "gpt2" if isinstance(config, GPT2Config) else "llama"
    model = helper.make_model(
        helper.make_graph(graph.nodes, f"couplet-{family}", inputs, outputs, list(graph.initializers.values())),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="couplet-zoo")
    onnx.checker.check_model(model, full_check=True)
    return model
