"""The same run by TRL's GOLDTrainer: `pip install trl==1.16.0`, then `accelerate launch --config_file … trl_gold.py --out OUT`.

TRL's ULD loss is a mean over a row's chunks or positions and over rows; GOLD is that here too, ULD is a sum over positions divided
by all response tokens, so its step counts short rows less. Everything is written out: the defaults in brackets are TRL 1.16's.
Use accelerate/ddp.yaml or zero2.yaml, not fsdp2.yaml: under FSDP, TRL 1.16 loads the teacher with device_map="auto".
"""

import argparse

from datasets import Dataset, load_dataset
from peft import LoraConfig
from transformers import AutoTokenizer
from trl.experimental.gold import GOLDConfig, GOLDTrainer

import settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="out-trl")
    args = parser.parse_args()
    config, run = settings.load()
    method, optimizer, rate = config["method"], config["optimizer"], config["method"]["kdRate"]
    (student, student_revision), (teacher, teacher_revision) = (settings.model_source(run, role) for role in ("student", "teacher"))
    rows = load_dataset("json", data_files=str(settings.HERE / "data/train.jsonl"), split="train")
    assert isinstance(rows, Dataset)
    rows = rows.map(lambda row: {"prompt": row["prompt"], "completion": row["output"]}, remove_columns=rows.column_names)
    tokenizer = AutoTokenizer.from_pretrained(student, revision=student_revision)
    gold = method["id"] == "gold"
    arguments = GOLDConfig(
        output_dir=args.out,
        seed=config["seed"],
        max_steps=config["steps"],
        per_device_train_batch_size=config["batchSize"],  # on one device; on more, divide by their number
        gradient_accumulation_steps=config["accumulation"],
        learning_rate=optimizer["learningRate"],  # [1e-7: a student that hardly moves]
        lr_scheduler_type=optimizer["schedule"],
        warmup_steps=optimizer["warmupSteps"],
        adam_beta1=optimizer["beta1"],
        adam_beta2=optimizer["beta2"],
        adam_epsilon=optimizer["eps"],
        weight_decay=optimizer["weightDecay"],
        max_grad_norm=optimizer["clipNorm"],
        bf16=False,  # [True on GPUs that have it] the browser trains in float32
        max_length=config["data"]["maxLength"],
        max_completion_length=config["data"]["maxLength"] - config["data"]["maxPrompt"],  # [128]
        lmbda=0.0,  # [0.5: half of the steps learn from what the student writes, not from the rows]
        disable_dropout=True,
        seq_kd=False,  # [False] stored and never read: True would change nothing
        use_uld_loss=True,  # [False: then the teacher's embeddings are resized to the student's vocabulary]
        use_extended_uld=gold,  # [True: chunks of equal text; False: k-th token against k-th]
        uld_token_merge_strategy="bayesian",  # ["observed": reads the logits one position too late for its own tokens]
        uld_use_hybrid_loss=gold and method["mode"] == "hybrid",  # [False]
        beta=method.get("beta", 0.5),
        uld_hybrid_matched_weight=method.get("matchedWeight"),  # [None] both or neither; strings must be equal in both
        uld_hybrid_unmatched_weight=method.get("unmatchedWeight"),  # vocabularies: Ġ against ▁ matches almost nothing
        uld_crossentropy_weight=1 - rate,  # [0.0]
        uld_distillation_weight=rate,  # [1.0]
        uld_student_temperature=1.0,
        uld_teacher_temperature=1.0,
        uld_skip_student_eos=False,  # [True: drops the last label, and a chat's end marker goes to the teacher as text]
        uld_skip_teacher_eos=False,  # [True]
        teacher_tokenizer_name_or_path=teacher,  # [None: the student's, and every id means another text]
        teacher_model_revision=teacher_revision,
        teacher_model_init_kwargs={"dtype": "float32"},  # [None; a dict without "dtype" is a KeyError]
        use_vllm=False,
        save_steps=config["checkpoints"]["everySteps"] or config["steps"],
        logging_steps=1,
        report_to=[],
    )
    training, adapters = config["training"], None
    if training["kind"] == "lora":
        adapters = LoraConfig(r=training["rank"], lora_alpha=training["alpha"], target_modules=training["targets"])
    trainer = GOLDTrainer(
        model=student,
        teacher_model=teacher,
        args=arguments,
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=adapters,
    )
    trainer.train()
    trainer.save_model(f"{args.out}/student")


if __name__ == "__main__":
    main()
