"""LoRA by PEFT, started as the engine starts it."""

from typing import Any

from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import PreTrainedModel

from settings import BadInput, Json


def with_adapters(student: PreTrainedModel, training: Json, start: dict[str, Tensor]) -> Any:
    """LoRA by PEFT on the blocks' matrices that the run names; A as the run starts it, B zero."""
    names = [n for n, m in student.named_modules() if n.split(".")[-1] in training["targets"] and ".lora" not in n]
    chosen = [name for name in names if any(part.isdigit() for part in name.split("."))]
    if not chosen:
        raise BadInput(f"training.targets: no matrix of the student is named {', '.join(training['targets'])}.")
    lora = LoraConfig(r=training["rank"], lora_alpha=training["alpha"], lora_dropout=0.0, target_modules=chosen)
    adapted = get_peft_model(student, lora)
    for name, module in adapted.get_base_model().named_modules():
        if name in chosen:
            module.lora_A["default"].weight.data.copy_(start[f"{name}.lora_A.weight"])  # type: ignore[union-attr, index]
    return adapted
