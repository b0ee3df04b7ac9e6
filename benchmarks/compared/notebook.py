"""The notebook's recipe: everything padded to 512 tokens, fp32, `Trainer` with its defaults.

As in the well-known course lab: source and target are padded to the tokenizer's full length, the target's padding (id
0) stays in the labels, and only `input_ids` and `labels` go to the model, so padding is attended to. Each of the three
faults can be mended on its own, which the story needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig, Trainer, TrainingArguments

from benchmarks.compared.clock import StepClock

START_PROMPT = "Summarize the following conversation.\n\n"
END_PROMPT = "\n\nSummary: "
BATCH_SIZE = 4
WEIGHT_DECAY = 0.01
LAB_RATES = {"full": 1e-5, "lora": 1e-3}
"""The learning rates in the lab's text."""


@dataclass(frozen=True)
class Recipe:
    """The notebook's recipe and what of it is mended."""

    method: str
    learning_rate: float
    masks_labels: bool = False
    """Padding of the target is -100, which the loss leaves out."""
    passes_attention_mask: bool = False
    max_length: int = 512
    num_train_epochs: float = 1.0
    max_steps: int = -1
    batch_size: int = BATCH_SIZE
    lora: dict[str, Any] = field(default_factory=lambda: {"r": 32, "lora_alpha": 32, "lora_dropout": 0.05})


def load(folder: Path, method: str, lora: dict[str, Any]) -> tuple[Any, Any]:
    """Return model and tokenizer, with LoRA on `q` and `v` where the method asks for it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32)
    if method == "lora":
        model = get_peft_model(
            model, LoraConfig(target_modules=["q", "v"], bias="none", task_type=TaskType.SEQ_2_SEQ_LM, **lora)
        )
    return model, tokenizer


def tokenize(pairs: Sequence[tuple[str, str]], tokenizer: Any, recipe: Recipe) -> list[dict[str, list[int]]]:
    """Return one row of token ids for each (dialogue, summary), all of the same length."""
    options = {"padding": "max_length", "truncation": True, "max_length": recipe.max_length}
    rows = []
    for dialogue, summary in pairs:
        source = tokenizer(START_PROMPT + dialogue + END_PROMPT, **options)
        labels = tokenizer(summary, **options)["input_ids"]
        if recipe.masks_labels:
            labels = [-100 if token == tokenizer.pad_token_id else token for token in labels]
        row = {"input_ids": source["input_ids"], "labels": labels}
        if recipe.passes_attention_mask:
            row["attention_mask"] = source["attention_mask"]
        rows.append(row)
    return rows


def train(
    model: Any, tokenizer: Any, pairs: Sequence[tuple[str, str]], recipe: Recipe, *, work: Path, seed: int = 42
) -> StepClock:
    """Train the model in place on (dialogue, summary) pairs; return when its steps ended."""
    arguments = TrainingArguments(
        output_dir=str(work),
        learning_rate=recipe.learning_rate,
        num_train_epochs=recipe.num_train_epochs,
        max_steps=recipe.max_steps,
        weight_decay=WEIGHT_DECAY,
        per_device_train_batch_size=recipe.batch_size,
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
        seed=seed,
    )
    clock = StepClock()
    rows = tokenize(pairs, tokenizer, recipe)
    Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[clock]).train()
    return clock


def generate(model: Any, tokenizer: Any, dialogues: Sequence[str], **lengths: int) -> list[list[int]]:
    """Summarize one dialogue after the other; return the new token ids."""
    model.eval()
    config = GenerationConfig(
        num_beams=1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=model.config.decoder_start_token_id,
        **lengths,
    )
    outputs = []
    for dialogue in dialogues:
        prompt = START_PROMPT + dialogue + END_PROMPT
        ids = tokenizer(prompt, return_tensors="pt", truncation=True, max_length=512).input_ids
        outputs.append(model.generate(input_ids=ids, generation_config=config)[0, 1:].tolist())
    return outputs


__all__ = ["BATCH_SIZE", "LAB_RATES", "Recipe", "generate", "load", "tokenize", "train"]
