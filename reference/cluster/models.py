"""Student, teacher and projectors: how they are loaded, what a loss may read of them, and how they are spread over GPUs."""

from functools import cached_property
from typing import Any

import torch
from accelerate.accelerator import Accelerator
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

import objective
from data import Batch, Side, Tokenizer
from settings import HERE, BadInput, Json, model_source


def load_tokenizer(run: Json, role: str) -> Tokenizer:
    """The tokenizer of one side; methods that ask no teacher have the student's on both."""
    where, revision = model_source(run, role if role in run["models"] else "student")
    return AutoTokenizer.from_pretrained(where, revision=revision)


def load_model(run: Json, role: str, dtype: torch.dtype) -> PreTrainedModel:
    """A causal language model from its folder or hub id; no device_map: Accelerate or `Teacher.spread` places it."""
    where, revision = model_source(run, role)
    try:
        return AutoModelForCausalLM.from_pretrained(where, revision=revision, dtype=dtype)
    except OSError as error:
        raise BadInput(f"The {role} {where} cannot be loaded: {str(error).splitlines()[0]}") from None


class States:
    """One model on one view; response rows only, in sample order. `logits` are computed when a loss asks for them."""

    def __init__(self, side: Side, output: Any, inner: dict[int, Tensor], head: Tensor, table: Tensor) -> None:
        at = lambda x: x.flatten(0, 1)[side.rows]
        self.embedding = at(output.hidden_states[0])  # [R, d]
        self.hidden = at(output.last_hidden_state)  # [R, d], after the final norm
        self.layers = {k: at(x) for k, x in inner.items()}  # [R, d], the residual stream after block k, from 1
        self.everywhere = output.last_hidden_state  # [B, T, d]
        self.head, self.table = head, table  # [V, d]

    @cached_property
    def logits(self) -> Tensor:
        """[R, V]"""
        return nn.functional.linear(self.hidden, self.head)


def read(model: Any, side: Side, layers: list[int], head: Tensor, table: Tensor) -> States:
    """Run a model's decoder on one side of a view."""
    lm: Any = getattr(model, "get_base_model", lambda: model)()
    decoder = getattr(lm, lm.base_model_prefix)
    last: list[Tensor] = []
    norm: Any = next(getattr(decoder, name) for name in ("norm", "ln_f", "final_layer_norm") if hasattr(decoder, name))
    hook = norm.register_forward_pre_hook(lambda _, inputs: last.append(inputs[0]))
    output = decoder(input_ids=side.ids, attention_mask=side.mask, output_hidden_states=True, use_cache=False)
    hook.remove()
    blocks = len(output.hidden_states) - 1  # hidden_states[blocks] is normed; the last block's own output is not
    inner = {k: last[0] if k == blocks else output.hidden_states[k] for k in layers}
    return States(side, output, inner, head, table)


class Teacher:
    """Frozen, and run without gradients. Its head and embedding table are also kept whole on every GPU: losses read them."""

    def __init__(self, run: Json, config: Json, dtype: torch.dtype) -> None:
        self.model: Any = load_model(run, "teacher", dtype).eval().requires_grad_(False)
        self.layers = objective.inner_layers(config["method"], "teacher")
        self.head = self.model.get_output_embeddings().weight.detach().clone()
        self.table = self.model.get_input_embeddings().weight.detach().clone()

    def spread(self, accelerator: Accelerator) -> None:
        """Under FSDP2 block by block over all GPUs, under ZeRO-3 by DeepSpeed; else a whole copy on each GPU."""
        self.head, self.table = self.head.to(accelerator.device), self.table.to(accelerator.device)
        plugin: Any = accelerator.state.deepspeed_plugin
        if accelerator.distributed_type.value == "FSDP":
            from torch.distributed.fsdp import fully_shard

            self.model.to(accelerator.device)
            for block in self.model.modules():
                if type(block).__name__ in (self.model._no_split_modules or []):
                    fully_shard(block)
            fully_shard(getattr(self.model, self.model.base_model_prefix))
        elif plugin is not None and plugin.zero_stage == 3:
            import deepspeed

            zero = {"zero_optimization": {"stage": 3}, "train_micro_batch_size_per_gpu": 1}
            self.model = deepspeed.initialize(model=self.model, config=zero)[0].module.eval()
        else:
            self.model.to(accelerator.device)

    @torch.no_grad()
    def __call__(self, side: Side) -> States:
        return read(self.model, side, self.layers, self.head, self.table)


class Distiller(nn.Module):
    """Everything that is trained: the student (with adapters, or whole) and the method's projectors."""

    def __init__(self, run: Json, config: Json, vocabularies: dict[str, Any], teacher: Teacher | None) -> None:
        super().__init__()
        self.config, self.vocabularies, method = config, vocabularies, config["method"]
        student: Any = load_model(run, "student", torch.float32).train()
        for module in student.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0  # the engine has none
        if config["gradientCheckpointing"]:
            student.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        start = load_file(HERE / "start.safetensors")
        if config["training"]["kind"] == "lora":
            from adapters import with_adapters

            student = with_adapters(student, config["training"], start)
        self.student = student
        self.projectors = nn.ModuleDict()
        for name in sorted({key.split(".")[1] for key in start if key.startswith("projector.")} - {"layer_weights"}):
            weight, bias = start[f"projector.{name}.weight"], start[f"projector.{name}.bias"]
            self.projectors[name] = projector = nn.Linear(weight.shape[1], weight.shape[0])
            projector.load_state_dict({"weight": weight, "bias": bias})
        self.layer_weights = nn.Parameter(start["projector.layer_weights"]) if "projector.layer_weights" in start else None
        if teacher and objective.starts_at_heads(method):
            from start_at_heads import preserve_logits

            preserve_logits(self.projectors, student.get_output_embeddings().weight, teacher.head, vocabularies)
        self._no_split_modules = getattr(student, "_no_split_modules", None)  # what FSDP wraps block by block

    def forward(self, batch: Batch | None, taught: dict[str, States] | None, generate: Json | None = None) -> Any:
        """The weighted terms of the loss, each a scalar; or, with `generate`, tokens by Transformers' own `generate`.

        Both go through here so that what wraps this module (DDP, FSDP) sees every use of its parameters.
        """
        if batch is None:
            return self.student.generate(**(generate or {}))
        layers = objective.inner_layers(self.config["method"], "student")
        head, table = self.student.get_output_embeddings().weight, self.student.get_input_embeddings().weight
        views = {"main": batch.main, **({"plain": batch.plain} if batch.plain else {})}
        student = {name: read(self.student, view["student"], layers, head, table) for name, view in views.items()}
        return objective.terms(self.config["method"], batch, student, taught or {}, self)


def parameter_groups(model: Distiller, optimizer: Json) -> list[Json]:
    """Matrices decay, biases, norms and learned layer weights do not; projectors have a learning rate of their own."""
    groups = []
    for part, rate in (("student", "learningRate"), ("projector", "projectorLearningRate")):
        mine = [p for n, p in model.named_parameters() if n.startswith("student.") == (part == "student")]
        for decays in (True, False):
            chosen = [p for p in mine if p.requires_grad and (p.ndim > 1) == decays]
            decay = optimizer["weightDecay"] if decays else 0.0
            groups.append({"params": chosen, "lr": optimizer[rate], "weight_decay": decay, "base": optimizer[rate]})
    return [group for group in groups if group["params"]]
