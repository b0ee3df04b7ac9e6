"""Best common practice: `Seq2SeqTrainer`, dynamic padding, batches by length, bf16 autocast; else every default.

Summaries come from `generate` in batches of 16, sorted by length.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import SequentialSampler
from transformers import DataCollatorForSeq2Seq, GenerationConfig, Seq2SeqTrainer, Seq2SeqTrainingArguments

from benchmarks.compared.clock import StepClock
from benchmarks.compared.notebook import END_PROMPT, START_PROMPT

BATCH_SIZE = 8
GENERATE_BATCH_SIZE = 16


def tokenize(
    pairs: Sequence[tuple[str, str]], tokenizer: Any, *, max_source_length: int, max_target_length: int
) -> list[dict[str, list[int]]]:
    """Return one row of token ids for each (dialogue, summary), unpadded."""
    rows = []
    for dialogue, summary in pairs:
        row = tokenizer(START_PROMPT + dialogue + END_PROMPT, truncation=True, max_length=max_source_length)
        target = tokenizer(text_target=summary, truncation=True, max_length=max_target_length)
        rows.append(
            {"input_ids": row["input_ids"], "attention_mask": row["attention_mask"], "labels": target["input_ids"]}
        )
    return rows


def train(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[tuple[str, str]],
    *,
    learning_rate: float,
    num_train_epochs: int,
    max_source_length: int,
    max_target_length: int,
    work: Path,
) -> StepClock:
    """Train the model in place on (dialogue, summary) pairs; return when its steps ended.

    The pairs are taken in their order: they are batches that `group_by_length` made of a whole corpus, which it could
    not make again of few.
    """
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(work),
        learning_rate=learning_rate,
        num_train_epochs=num_train_epochs,
        per_device_train_batch_size=BATCH_SIZE,
        bf16=True,
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    clock = StepClock()
    trainer = _InOrder(
        model=model,
        args=arguments,
        train_dataset=tokenize(
            pairs, tokenizer, max_source_length=max_source_length, max_target_length=max_target_length
        ),
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model),
        processing_class=tokenizer,
        callbacks=[clock],
    )
    trainer.train()
    return clock


class _InOrder(Seq2SeqTrainer):  # type: ignore[misc]
    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(self.train_dataset)


@torch.no_grad()
def generate(model: Any, tokenizer: Any, dialogues: Sequence[str], **lengths: int) -> list[list[int]]:
    """Summarize in batches of like lengths; return the new token ids in the order of the dialogues."""
    model.eval()
    config = GenerationConfig(
        num_beams=1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=model.config.decoder_start_token_id,
        **lengths,
    )
    order = sorted(range(len(dialogues)), key=lambda index: len(dialogues[index]))
    outputs: list[list[int]] = [[] for _ in dialogues]
    for start in range(0, len(order), GENERATE_BATCH_SIZE):
        batch = order[start : start + GENERATE_BATCH_SIZE]
        prompts = [START_PROMPT + dialogues[index] + END_PROMPT for index in batch]
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, truncation=True, max_length=512)
        rows = model.generate(**inputs, generation_config=config)[:, 1:].tolist()
        for index, row in zip(batch, rows, strict=True):
            outputs[index] = row
    return outputs


__all__ = ["BATCH_SIZE", "generate", "tokenize", "train"]
