"""SIDES: who trains, in a process of its own that makes a step when it is told to and says how long it took.

All take the same model folder and the same batches in the same order: prompt and summary in a row, padded on the right,
labels on the summary alone. Each process reads a line before every step and prints a JSON line behind it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainerCallback
from transformers import TrainingArguments as Arguments

from benchmarks.compared.ours import TRAINING
from benchmarks.measured.samples import load_bundled
from benchmarks.settings import SEED
from dialora.config import TrainingConfig
from dialora.data.tokens import IGNORED_LABEL, CausalCollator, TrainingPair, plan_batches

PROMPT = "Summarize the following conversation.\n\n{dialogue}"
BATCH_SIZE = 8
RATES = {"lora": 1e-3, "full": 1e-4}
LORA: dict[str, Any] = {"r": 32, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": "all-linear"}


class Turns:
    """Waits for its turn before a step, and tells how the step went."""

    def __init__(self) -> None:
        self.stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # whatever a library prints
        self.started = self.cpu_started = 0.0

    def wait(self) -> None:
        """Wait for a line; end the process where there is none."""
        if not sys.stdin.readline():
            os._exit(0)
        self.started, self.cpu_started = time.perf_counter(), time.process_time()

    def tell(self) -> None:
        """Print how long the step took, on the clock and of the processor, and what memory is held at most."""
        from dialora.measuring.memory import measure_peak_memory

        told = {
            "seconds": time.perf_counter() - self.started,
            "cpu_seconds": time.process_time() - self.cpu_started,
            "peak_memory_bytes": measure_peak_memory(),
        }
        self.stream.write(json.dumps(told) + "\n")
        self.stream.flush()


def load_pairs(folder: Path) -> list[TrainingPair]:
    """Return the bundled training dialogues as prompt and summary, each a row of token ids."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    pairs = []
    for example in load_bundled().train:
        message = {"role": "user", "content": PROMPT.format(dialogue=example.dialogue)}
        prompt = tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
        summary = tokenizer(example.references[0] + tokenizer.eos_token)["input_ids"]
        pairs.append(TrainingPair(example.id, tokenizer(prompt)["input_ids"], summary, False, False))
    return pairs


def plan(pairs: Sequence[TrainingPair], num_steps: int) -> list[list[int]]:
    """Return the batches of `num_steps` steps: rows of like length, as `group_by_length` has them too."""
    training = TrainingConfig(per_device_train_batch_size=BATCH_SIZE, max_steps=num_steps)
    return plan_batches(CausalCollator(0).measure(pairs), training, seed=SEED)


def build_model(folder: Path, method: str, dtype: torch.dtype) -> Any:
    """Return the model with LoRA on every linear layer, or as it is."""
    from peft import LoraConfig, get_peft_model

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    torch.manual_seed(SEED)
    return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **LORA)) if method == "lora" else model


def train_ours(folder: Path, method: str, num_steps: int, turns: Turns) -> None:
    """Train with dialora's loop and its lean step."""
    from dialora.methods import Method
    from dialora.training.lean import find_micro_batch_tokens, lean
    from dialora.training.loop import TrainingLoop

    pairs, model = load_pairs(folder), build_model(folder, method, torch.float32)
    training = TrainingConfig().model_copy(update=TRAINING | {"precision": "bf16"})
    collator = CausalCollator(model.config.pad_token_id)

    def on_progress(step: int, total: int, loss: float) -> None:
        turns.tell()
        turns.wait()

    with TemporaryDirectory() as work:
        loop = TrainingLoop(
            model, Method(), training, Path(work), key=method, run_name=method, learning_rate=RATES[method],
            precision="bf16", uses_cuda=False, pairs=pairs, validation=[], batches=plan(pairs, num_steps),
            collator=collator, collate=collator.collate_pairs, on_progress=on_progress, pause_after=None,
            micro_batch_tokens=find_micro_batch_tokens(model.config),
            should_stop=lambda: False, should_prune=lambda validation: False,
        )  # fmt: skip
        turns.wait()
        with lean(model, precision="bf16", work=Path(work)):
            loop.run(None)


def train_best_practice(
    folder: Path, method: str, num_steps: int, turns: Turns, *, dtype: torch.dtype = torch.float32
) -> None:
    """Train with `Trainer`: bf16 autocast, dynamic padding, batches by length; else every default."""
    pairs, tokenizer = load_pairs(folder), AutoTokenizer.from_pretrained(folder)
    rows = [pairs[i] for batch in plan(pairs, num_steps) for i in batch]
    dataset = [
        {
            "input_ids": [*pair.input_ids, *pair.labels],
            "attention_mask": [1] * sum(pair.lengths),
            "labels": [IGNORED_LABEL] * pair.lengths[0] + list(pair.labels),
        }
        for pair in rows
    ]

    class InTurns(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            turns.wait()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            turns.tell()

    class InOrder(Trainer):  # type: ignore[misc]
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return SequentialSampler(self.train_dataset)

    with TemporaryDirectory() as work:
        arguments = Arguments(
            output_dir=work, learning_rate=RATES[method], per_device_train_batch_size=BATCH_SIZE, num_train_epochs=1,
            bf16=True, save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True,
            dataloader_pin_memory=False,
        )  # fmt: skip
        collator = DataCollatorForSeq2Seq(tokenizer, pad_to_multiple_of=8, label_pad_token_id=IGNORED_LABEL)
        model = build_model(folder, method, dtype)
        InOrder(model, arguments, train_dataset=dataset, data_collator=collator, callbacks=[InTurns()]).train()


def train_best_practice_bf16(folder: Path, method: str, num_steps: int, turns: Turns) -> None:
    """Train with `Trainer` and the base loaded in bf16, which leaves out the casts of frozen matrices."""
    train_best_practice(folder, method, num_steps, turns, dtype=torch.bfloat16)


SIDES = {
    "ours": train_ours,
    "best_practice": train_best_practice,
    "best_practice_bf16": train_best_practice_bf16,
}

if __name__ == "__main__":
    # Folder, method, side, number of steps.
    SIDES[sys.argv[3]](Path(sys.argv[1]), sys.argv[2], int(sys.argv[4]), Turns())
