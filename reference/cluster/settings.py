"""The run as it was set up: config.json as the page and the command line write it, run.json with what they worked out.

Everything that can be wrong before a model is loaded is looked at here, and said in one line.
"""

import hashlib
import json
import os
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
Json = dict[str, Any]


class BadInput(SystemExit):
    """One line for a person: what is wrong, and what to do. The process ends with it, without a stack of calls."""


def read_json(name: str) -> Json:
    """A JSON file of this folder. Raises BadInput where it is missing or broken."""
    try:
        return json.loads((HERE / name).read_text())
    except FileNotFoundError:
        raise BadInput(f"{name} is missing from {HERE}: export the run again.") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{name} is not valid JSON ({error}): export the run again.") from None


def check_versions() -> None:
    """Raises BadInput for the first package that is missing or of another version than requirements.txt pins."""
    if os.environ.get("ANY_VERSION"):
        return
    for name, wanted in re.findall(r"^([\w-]+)==([\w.]+)", (HERE / "requirements.txt").read_text(), re.M):
        try:
            found = version(name).split("+")[0]  # 2.15.0+cu128
        except PackageNotFoundError:
            found = "not"
        if found != wanted:
            raise BadInput(
                f"{name} {found} is installed, this run is checked with {wanted}: "
                "pip install -r requirements.txt, or set ANY_VERSION=1 to go on without that check."
            )


def model_source(run: Json, role: str) -> tuple[str, str | None]:
    """Where a model's files are: (folder or hub id, revision). Raises BadInput for a folder without them."""
    source = run["models"][role]
    if "hub" in source:
        return source["hub"], source["revision"]
    folder = HERE / source["folder"]
    if not (folder / "config.json").is_file():
        raise BadInput(f"The {role}'s folder {folder} is missing: put {source['name']} there, with its safetensors.")
    if not any(folder.glob("*.safetensors")):
        raise BadInput(
            f"The {role}'s folder {folder} has no safetensors (the browser ran {source['name']} from ONNX): "
            "put the original weights of that model there."
        )
    return str(folder), None


def check_tokenizer(run: Json, role: str) -> None:
    """Raises BadInput where the model's tokenizer.json is not the one that the run was set up with."""
    where, revision = model_source(run, role)
    if "hub" in run["models"][role]:
        from huggingface_hub import hf_hub_download

        file = Path(hf_hub_download(where, "tokenizer.json", revision=revision))
    else:
        file = Path(where) / "tokenizer.json"
    found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "missing"
    if found != run["tokenizers"][role]["digest"]:
        raise BadInput(
            f"The {role}'s tokenizer.json ({file}) is {found[:12]}, the run's is "
            f"{run['tokenizers'][role]['digest'][:12]}: token ids would mean other texts. Put the run's file there."
        )


def load() -> tuple[Json, Json]:
    """(config, run), checked. Raises BadInput."""
    check_versions()
    config, run = read_json("config.json"), read_json("run.json")
    for role in run["models"]:
        check_tokenizer(run, role)
    return config, run


def schedule_factor(optimizer: Json, step: int, steps: int) -> float:
    """The factor on both learning rates at a step, counted from 1: linear warm-up, then the decay."""
    import math

    warmup = optimizer["warmupSteps"]
    if step <= warmup:
        return step / (warmup + 1)
    progress = min(1.0, (step - 1 - warmup) / max(1, steps - warmup))
    decays = {"constant": 1.0, "linear": 1 - progress, "cosine": 0.5 * (1 + math.cos(math.pi * progress))}
    return decays[optimizer["schedule"]]
