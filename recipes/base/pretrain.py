"""Train the base model on the tokenised rows.

Takes the tables of `rows`, gives checkpoints in the work folder. Batches, tasks and rates depend on the seed
and the step only, never on the clock or the device, so a resumed run continues where it was and a GPU does
the same steps as a CPU. bf16 arithmetic with fp32 weights.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor
from transformers import T5ForConditionalGeneration

from recipes.base.network import decode
from recipes.base.optimizer import build_optimizers, load_state, rate_factor, save_state, set_rates
from recipes.base.presets import Preset
from recipes.base.rows import SOURCE_LENGTHS, Tables

SAVE_EVERY = 300.0  # seconds
CHECKPOINT = "checkpoint.safetensors"
_MIXED = {
    "copy": 0.02, "recall": 0.1, "continue": 0.2, "missing": 0.06, "who": 0.03, "denoise": 0.16,
    "composed": 0.11, "reported": 0.14, "retold": 0.15, "human": 0.03,
}  # fmt: skip
# Share of each task after these numbers of rows; in between the shares change linearly, after the last they stay.
MIXTURE: dict[int, dict[str, float]] = {
    0: {"copy": 1.0},
    2_000: {"copy": 0.7, "recall": 0.3},
    6_000: {"copy": 0.15, "recall": 0.4, "continue": 0.15, "denoise": 0.1, "retold": 0.2},
    16_000: _MIXED,
    42_000: _MIXED,
    60_000: {**_MIXED, "copy": 0.06},  # with 0.02 to the end, copied names lost letters
}  # fmt: skip


@dataclass
class Run:
    """Where a run stands."""

    step: int = 0
    seconds: float = 0.0
    examples: int = 0
    device: str = ""  # in words
    losses: dict[str, float] = field(default_factory=dict)  # task → moving average of the training loss
    held_out: dict[str, float] = field(default_factory=dict)  # task → loss at the last checkpoint

    def progress(self, preset: Preset) -> float:
        """Return the share of the rows that is used, 0 to 1."""
        return min(1.0, self.examples / preset.num_rows)


def mixture_at(num_rows: int) -> dict[str, float]:
    """Return the share of every task after `num_rows` rows, summing to 1."""
    points = sorted(MIXTURE)
    num_rows = min(num_rows, points[-1])
    later = next(point for point in points if num_rows <= point)
    earlier = max((point for point in points if point < later), default=later)
    share = (num_rows - earlier) / (later - earlier) if later > earlier else 1.0
    tasks = {**MIXTURE[earlier], **MIXTURE[later]}
    mixed = {t: (1 - share) * MIXTURE[earlier].get(t, 0) + share * MIXTURE[later].get(t, 0) for t in tasks}
    return {task: weight / sum(mixed.values()) for task, weight in mixed.items() if weight > 0}


class Sampler:
    """Draws batches of one shape: first the shape, then a task and a row for each place."""

    def __init__(self, tables: Tables, side: str) -> None:
        self.tables = {key.removeprefix(f"{side}/"): table for key, table in tables.items() if key.startswith(side)}
        self.counts: dict[str, dict[int, int]] = defaultdict(dict)
        for key, table in self.tables.items():
            task, length, part = key.split("/")
            if part == "source":
                self.counts[task][int(length)] = len(table)

    def draw(self, mixture: dict[str, float], size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, list[str]]:
        """Return source ids (B, S), target ids (B, T) and the task of every row."""
        weights = np.array(
            [
                [
                    weight * self.counts[task].get(length, 0) / max(1, sum(self.counts[task].values()))
                    for length in SOURCE_LENGTHS
                ]
                for task, weight in mixture.items()
            ]
        )  # (tasks, lengths)
        column = rng.choice(len(SOURCE_LENGTHS), p=weights.sum(0) / weights.sum())
        share = weights[:, column] / weights[:, column].sum()
        tasks = [str(task) for task in rng.choice(list(mixture), size=size, p=share)]
        length = SOURCE_LENGTHS[column]
        places = [(f"{task}/{length}", int(rng.integers(self.counts[task][length]))) for task in tasks]
        source = np.stack([self.tables[f"{key}/source"][row] for key, row in places]).astype(np.int64)
        target = np.stack([self.tables[f"{key}/target"][row] for key, row in places]).astype(np.int64)
        return torch.from_numpy(source), torch.from_numpy(target), tasks


class Trainer:
    """Holds the model, the optimisers and the state of one run."""

    def __init__(
        self, model: T5ForConditionalGeneration, tables: Tables, work: Path, preset: Preset, seed: int
    ) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model, self.work, self.preset, self.seed = model.to(self.device), work, preset, seed
        self.train_rows, self.held_out_rows = Sampler(tables, "train"), Sampler(tables, "held_out")
        self.optimizers = build_optimizers(self.model)
        self.decode = torch.compile(decode, dynamic=False) if preset.is_compiled else decode
        self.run = Run()
        self.checkpoint = work / CHECKPOINT
        if self.checkpoint.exists():
            load_state(self.model, self.optimizers, self.checkpoint)
            with safe_open(str(self.checkpoint), "pt") as file:
                self.run = Run(**json.loads(file.metadata()["run"]))

    def _losses(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed loss and the number of tokens of every row, both (B,)."""
        source, target = source.to(self.device), target.to(self.device)
        decoder_input = torch.nn.functional.pad(target[:, :-1], (1, 0))  # shifted right; T5 starts with the padding id
        is_token = target.ne(0)
        with torch.autocast(self.device.type, torch.bfloat16):
            hidden = self.decode(self.model, source, decoder_input)
            logits = self.model.lm_head(hidden[is_token])  # the vocabulary's logits for real tokens only
        losses = torch.zeros(target.shape, device=self.device)
        losses[is_token] = torch.nn.functional.cross_entropy(logits.float(), target[is_token], reduction="none")
        return losses.sum(1), is_token.sum(1)

    def step(self) -> None:
        """Train on one batch."""
        rng = np.random.default_rng((self.seed, self.run.step))
        progress = self.run.progress(self.preset)
        source, target, tasks = self.train_rows.draw(mixture_at(self.run.examples), self.preset.batch_size, rng)
        sums, counts = self._losses(source, target)
        loss = sums.sum() / counts.sum()
        if not torch.isfinite(loss):
            raise FloatingPointError(f"step {self.run.step}: the loss is {loss.item()}")
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        set_rates(self.optimizers, rate_factor(progress, self.run.step))
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self._note(tasks, sums.detach(), counts)
        self.run.step += 1
        self.run.examples += len(tasks)

    def _note(self, tasks: list[str], sums: Tensor, counts: Tensor) -> None:
        for task in set(tasks):
            rows = torch.tensor([t == task for t in tasks], device=self.device)
            value = float(sums[rows].sum() / counts[rows].sum())
            self.run.losses[task] = 0.95 * self.run.losses.get(task, value) + 0.05 * value

    @torch.no_grad()
    def measure(self) -> None:
        """Measure the loss of every task on held-out rows, one batch of each."""
        for task in sorted(self.held_out_rows.counts):
            rng = np.random.default_rng(self.seed)
            source, target, _ = self.held_out_rows.draw({task: 1.0}, self.preset.batch_size, rng)
            sums, counts = self._losses(source, target)
            self.run.held_out[task] = float(sums.sum() / counts.sum())

    def save(self) -> None:
        """Measure, then write the checkpoint and one line to the log."""
        self.measure()
        notes = {"run": json.dumps(self.run.__dict__)}
        save_state(self.model, self.optimizers, self.checkpoint, notes)
        with (self.work / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(notes["run"] + "\n")

    def train(self) -> Run:
        """Train until the preset's rows are used up."""
        is_cuda = self.device.type == "cuda"
        self.run.device = torch.cuda.get_device_name() if is_cuda else f"{torch.get_num_threads()} CPU cores"
        started = saved = time.monotonic()
        before = self.run.seconds
        while self.run.progress(self.preset) < 1:
            self.step()
            now = time.monotonic()
            self.run.seconds = before + now - started
            if self.run.step % 25 == 0:
                losses = " ".join(f"{task} {loss:.2f}" for task, loss in sorted(self.run.losses.items()))
                print(
                    f"step {self.run.step}  {self.run.seconds / 60:.1f} min  {self.run.examples} rows  {losses}",
                    flush=True,
                )
            if now - saved > SAVE_EVERY:
                self.save()
                saved = now
        self.save()
        return self.run
