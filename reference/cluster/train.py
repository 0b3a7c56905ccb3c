"""The run of config.json on any number of processes: `accelerate launch --config_file accelerate/ddp.yaml train.py --out OUT`.

A step sees the same rows in the same order as in the browser: batchSize × accumulation of them, each micro-batch shared out over
the processes. Writes OUT/metrics.jsonl, evaluations.jsonl, checkpoints/ and, at the end, the student in OUT/student.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate.accelerator import Accelerator
from accelerate.utils import set_seed

import models
import settings
from data import load_rows, make_batch, row_order
from evaluate import evaluate
from settings import BadInput, Json


class Trainer:
    """A run: everything that is loaded, and one step after another."""

    def __init__(self) -> None:
        self.config, self.run = settings.load()
        config, run = self.config, self.run
        self.accelerator = accelerator = Accelerator(gradient_accumulation_steps=config["accumulation"])
        self.world, self.rank = accelerator.num_processes, accelerator.process_index
        self.size = config["batchSize"] * config["accumulation"]  # rows of a step
        if config["batchSize"] % self.world:
            raise BadInput(f"batchSize {config['batchSize']} cannot be shared out over {self.world} processes: set a multiple.")
        set_seed(config["seed"])
        tokenizers = {role: models.load_tokenizer(run, role) for role in ("student", "teacher")}
        self.tokenizers, self.tokenizer = tokenizers, tokenizers["student"]
        self.rows, self.held_out = (load_rows(part, tokenizers, run) for part in ("train", "heldout"))
        low = accelerator.mixed_precision == "bf16"
        self.teacher = None
        if "teacher" in run["models"]:
            self.teacher = models.Teacher(run, config, torch.bfloat16 if low else torch.float32)
        vocabularies: Json = {}
        if run["readsTokens"]:
            from tokens import Vocabulary

            vocabularies = {role: Vocabulary(tokenizers[role], run["tokenizers"][role]) for role in tokenizers}
        model = models.Distiller(run, config, vocabularies, self.teacher)
        o = config["optimizer"]
        groups = models.parameter_groups(model, o)
        optimizer = torch.optim.AdamW(groups, betas=(o["beta1"], o["beta2"]), eps=o["eps"])
        if accelerator.state.deepspeed_plugin:  # DeepSpeed clips and accumulates by itself
            accelerator.state.deepspeed_plugin.deepspeed_config |= {
                "gradient_clipping": o["clipNorm"],
                "train_micro_batch_size_per_gpu": config["batchSize"] // self.world,
            }
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        if self.teacher:
            self.teacher.spread(accelerator)
        self.at = 0  # steps done

    def order(self) -> Iterator[int]:
        """The rows that are still to come, from where the run stands."""
        return islice(row_order(len(self.rows), self.config["seed"]), self.at * self.size, None)

    def batches(self, chosen: list[Json]) -> list[Any]:
        """This rank's part of each micro-batch of a step's rows."""
        size = self.config["batchSize"]
        share = size // self.world
        micros = [chosen[at : at + size] for at in range(0, len(chosen), size)]
        mine = [micro[self.rank * share : (self.rank + 1) * share] for micro in micros]
        device = self.accelerator.device
        return [make_batch(rows, chosen, micro, self.run, device) for rows, micro in zip(mine, micros, strict=True)]

    def read_by_teacher(self, batch: Any) -> Json:
        views = {"main": batch.main, **({"plain": batch.plain} if batch.plain else {})}
        return {name: self.teacher(view["teacher"]) for name, view in views.items()} if self.teacher else {}

    def step(self, chosen: list[Json]) -> Json:
        """One update from a step's rows; the record that metrics.jsonl gets. Raises FloatingPointError."""
        started, accelerator, o = time.perf_counter(), self.accelerator, self.config["optimizer"]
        factor = settings.schedule_factor(o, self.at + 1, self.config["steps"])
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * factor
        batches, losses, norm = self.batches(chosen), [], torch.tensor(0.0)
        for batch in batches:
            with accelerator.accumulate(self.model):
                terms = self.model(batch, self.read_by_teacher(batch))
                # Terms are divided by the counts of the whole step; what DDP and accumulation divide by is taken back.
                accelerator.backward(sum(terms.values()) * self.world * self.config["accumulation"])
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(self.model.parameters(), o["clipNorm"])
                self.optimizer.step()
                self.optimizer.zero_grad()
            losses.append({name: term.detach().double() for name, term in terms.items()})
        if norm is None:
            norm = self.model.get_global_grad_norm()  # DeepSpeed's
        self.at += 1
        names = list(losses[0])
        sums = torch.stack([sum(loss[name] for loss in losses) for name in names])  # type: ignore[arg-type]
        values = dict(zip(names, accelerator.reduce(sums).tolist(), strict=True))
        record = {"step": self.at, "loss": sum(values.values()), "terms": values, "gradNorm": float(norm)}
        if not torch.isfinite(torch.tensor([record["loss"], record["gradNorm"]])).all():
            raise FloatingPointError(f"step {self.at} is not finite: loss {record['loss']}, gradient norm {record['gradNorm']}")
        record |= {"learningRate": o["learningRate"] * factor, "tokens": batches[0].tokens}
        record |= self.said(batches, values) | {"ms": 1000 * (time.perf_counter() - started)}
        return record

    def said(self, batches: list[Any], values: Json) -> Json:
        """What the losses reported beside their values, over all micro-batches and ranks."""
        names = sorted({name for batch in batches for name in batch.report})
        table = torch.tensor([[batch.report.get(name, 0.0) for name in names] for batch in batches], dtype=torch.float64)
        table = self.accelerator.gather(table.to(self.accelerator.device)).cpu()
        of = {n: float(table[:, i].max() if n.startswith("max ") else table[:, i].sum()) for i, n in enumerate(names)}
        out: Json = {
            "tokenAccuracy": of["hits"] / batches[0].tokens,
            "marginalError": of.get("max marginalError", 0.0),
            "unconverged": int(of.get("unconverged", 0)),
        }
        if of.get("all_student"):
            out["coverage"] = {side: of[f"covered_{side}"] / max(1, of[f"all_{side}"]) for side in ("student", "teacher")}
        if silent := [name for name, value in values.items() if value == 0 and not self.run["unweighted"].get(name)]:
            out["silent"] = silent
        counts = {name.split()[1]: n for name, n in of.items() if name.startswith("gauge ") and name.endswith(" count") and n}
        gauges = {
            name: {key: of[f"gauge {name} {key}"] / n for key in ("entropy", "productEntropy")}
            | {"maxDeviation": of[f"max gauge {name} maxDeviation"]}
            for name, n in counts.items()
        }
        return out | ({"gauges": gauges} if gauges else {})

    def evaluate(self) -> Json:
        rows = self.held_out.select(range(min(len(self.held_out), self.config["evaluation"]["rows"])))
        scores = evaluate(self.accelerator, self.model, self.tokenizer, rows, self.run, self.run["answerTokens"])
        return {"step": self.at, **scores}

    def save(self, out: Path) -> None:
        """A checkpoint that is whole or not there; the one before it goes."""
        old, new = list(out.glob("checkpoints/step-*")), out / f"checkpoints/step-{self.at}.part"
        self.accelerator.save_state(str(new))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            new.rename(new.with_suffix(""))
            for path in old:
                shutil.rmtree(path, ignore_errors=True)
        self.accelerator.wait_for_everyone()

    def save_student(self, out: Path) -> None:
        """As a folder that Transformers and the page open: whole weights, adapters merged in."""
        state = self.accelerator.get_state_dict(self.model)
        if not self.accelerator.is_main_process:
            return
        fresh = models.Distiller(self.run, self.config | {"gradientCheckpointing": False}, {}, None)
        fresh.load_state_dict(state)
        student = fresh.student.merge_and_unload() if self.config["training"]["kind"] == "lora" else fresh.student
        student.save_pretrained(out / "student")
        where = Path(models.model_source(self.run, "student")[0])
        self.tokenizer.save_pretrained(out / "student")
        for file in where.glob("tokenizer*.json"):  # the files themselves, where they are at hand
            shutil.copy(file, out / "student")


def resume(trainer: Trainer, out: Path, wanted: bool) -> None:
    """Go on from the last whole checkpoint; records after it are dropped, since they are made again."""
    whole = sorted(out.glob("checkpoints/step-*[0-9]"), key=lambda path: int(path.name.split("-")[1]))
    if whole and not wanted:
        raise BadInput(f"{out} holds a run up to step {whole[-1].name.split('-')[1]}: --resume goes on with it.")
    if whole:
        trainer.accelerator.load_state(str(whole[-1]))
        trainer.at = int(whole[-1].name.split("-")[1])
    for name in ("metrics.jsonl", "evaluations.jsonl", "plans.jsonl"):
        file = out / name
        lines = file.read_text().splitlines() if file.exists() else []
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= trainer.at and trainer.at]
        if trainer.accelerator.is_main_process:
            file.write_text("".join(f"{line}\n" for line in kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out"))
    parser.add_argument("--resume", action="store_true", help="go on from OUT's last checkpoint")
    parser.add_argument("--steps", type=int, help="stop after this step; the schedule stays that of the whole run")
    args = parser.parse_args()
    trainer = Trainer()
    config, accelerator, out = trainer.config, trainer.accelerator, args.out
    out.mkdir(parents=True, exist_ok=True)
    resume(trainer, out, args.resume)

    def log(name: str, record: Json) -> None:
        if accelerator.is_main_process:
            with (out / name).open("a") as file:
                file.write(json.dumps(record) + "\n")

    if accelerator.is_main_process:
        shutil.copy(settings.HERE / "config.json", out / "config.json")
    scored, kept = config["evaluation"], config["checkpoints"]["everySteps"]
    due = lambda every: every > 0 and trainer.at % every == 0
    last = min(args.steps or config["steps"], config["steps"])
    order = trainer.order()

    def score() -> None:
        if due(scored["everySteps"]) and scored["rows"]:
            log("evaluations.jsonl", trainer.evaluate())
            if config["method"]["id"] == "cot2align":
                for plan in import_module("probe").probe_plans(trainer):
                    log("plans.jsonl", plan)

    if trainer.at == 0:
        score()
    while trainer.at < last:
        record = trainer.step([trainer.rows[i] for i in islice(order, trainer.size)])
        log("metrics.jsonl", record)
        accelerator.print(f"step {record['step']}/{config['steps']}  loss {record['loss']:.4f}  {record['ms']:.0f} ms")
        score()
        if due(kept) or trainer.at == last:
            trainer.save(out)
    trainer.save_student(out)
    accelerator.end_training()


if __name__ == "__main__":
    main()
