"""From Examples to batches of token ids: the one prompt, the labels, the order of batches.

Training and inference build their inputs with the same function here. Batches are planned once for the whole run,
from lengths and a seed alone, so every method sees the same examples in the same order and a resumed run goes on
where it was.

Shapes: B batch, S source tokens, T target tokens; both padded to the longest of the batch.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dialora.config import TrainingConfig
from dialora.records import Example

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

IGNORED_LABEL = -100
"""Positions of padding, which cross entropy leaves out."""

MULTIPLE = 4
"""Padded lengths are multiples of this many tokens: fewer shapes for which kernels are prepared, little padding."""

WINDOW = 200
"""Batches among which sources of like length are looked for."""

TILES = (1, 2, 4, 8)
"""So many neighbours of these share out their targets by length; small data afford few, large data more."""

JITTER = 8
"""Tokens by which lengths are blurred, so that a small data set is not cut into the same batches in every epoch."""


@dataclass(frozen=True, slots=True)
class TokenizedSource:
    """One prompt around one dialogue as token ids."""

    input_ids: list[int]
    truncated: bool


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """One dialogue with one of its references, as token ids."""

    id: str
    input_ids: list[int]
    labels: list[int]
    source_truncated: bool
    target_truncated: bool

    @property
    def lengths(self) -> tuple[int, int]:
        """Source and target tokens."""
        return len(self.input_ids), len(self.labels)


def build_prompt(dialogue: str, prompt: str) -> str:
    """Put the dialogue where the prompt says `{dialogue}`; braces in the dialogue mean nothing."""
    return prompt.replace("{dialogue}", dialogue)


def tokenize_sources(
    dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, prompt: str, max_length: int
) -> list[TokenizedSource]:
    """Tokenize each dialogue in its prompt, at most `max_length` tokens long.

    A source that is too long loses the end of its dialogue, never the part of the prompt behind it: the model is
    still told what to do.
    """
    if not dialogues:
        return []
    prefix, suffix = prompt.split("{dialogue}")
    encoded = tokenizer([build_prompt(d, prompt) for d in dialogues], return_offsets_mapping=True, verbose=False)
    sources = []
    for dialogue, ids, offsets in zip(dialogues, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        if len(ids) <= max_length:
            sources.append(TokenizedSource(ids, truncated=False))
            continue
        end = len(prefix) + len(dialogue)
        tail = [i for i, (start, _) in zip(ids[:-1], offsets[:-1], strict=True) if suffix and start >= end] + ids[-1:]
        tail = tail[-max_length:]
        sources.append(TokenizedSource(ids[: max_length - len(tail)] + tail, truncated=True))
    return sources


def count_source_tokens(dialogues: Sequence[str], tokenizer: PreTrainedTokenizerBase, *, prompt: str) -> list[int]:
    """Count the tokens of each dialogue in its prompt, nothing cut."""
    return [len(s.input_ids) for s in tokenize_sources(dialogues, tokenizer, prompt=prompt, max_length=sys.maxsize)]


def count_target_tokens(references: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Count the tokens of each reference with its end token, nothing cut."""
    return [len(ids) for ids in _tokenize_targets(references, tokenizer)]


def _tokenize_targets(references: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    return tokenizer(text_target=list(references), verbose=False)["input_ids"] if references else []


def tokenize_pairs(
    examples: Sequence[Example],
    tokenizer: PreTrainedTokenizerBase,
    *,
    prompt: str,
    max_source_length: int,
    max_target_length: int,
) -> list[TrainingPair]:
    """Tokenize examples for training: one pair for each reference, every target closed by the end token."""
    sources = tokenize_sources([e.dialogue for e in examples], tokenizer, prompt=prompt, max_length=max_source_length)
    references = [reference for example in examples for reference in example.references]
    targets = iter(_tokenize_targets(references, tokenizer))
    pairs = []
    for example, source in zip(examples, sources, strict=True):
        for _ in example.references:
            target = next(targets)
            cut = len(target) > max_target_length
            labels = [*target[: max_target_length - 1], tokenizer.eos_token_id] if cut else target
            pairs.append(TrainingPair(example.id, source.input_ids, labels, source.truncated, cut))
    return pairs


def plan_batches(lengths: Sequence[tuple[int, int]], training: TrainingConfig, *, seed: int) -> list[list[int]]:
    """Plan every batch of a run: lists of indices into `lengths` (source and target tokens), in training order.

    Each epoch is shuffled, sorted by source length within windows of 200 batches, and by target length within so many
    of these (TILES) as leaves the least padding; then its batches are shuffled.
    """
    rng = random.Random(f"batches-{seed}")
    if training.max_steps is not None:
        num_batches = training.max_steps * training.gradient_accumulation_steps
        batches: list[list[int]] = []
        while len(batches) < num_batches:
            batches += _plan_epoch(lengths, training, rng)
        return batches[:num_batches]
    whole, part = divmod(training.num_train_epochs, 1)
    batches = [batch for _ in range(int(whole)) for batch in _plan_epoch(lengths, training, rng)]
    if part:
        last = _plan_epoch(lengths, training, rng)
        batches += last[: max(1, round(part * len(last)))]
    return batches


def _plan_epoch(lengths: Sequence[tuple[int, int]], training: TrainingConfig, rng: random.Random) -> list[list[int]]:
    order = list(range(len(lengths)))
    rng.shuffle(order)
    batches = []
    for window in _cut(order, WINDOW * training.per_device_train_batch_size):
        by_source = sorted(window, key=lambda i: lengths[i][0] + JITTER * rng.random(), reverse=True)
        plans = [_plan_window(by_source, lengths, training, tile) for tile in TILES]
        batches += min(plans, key=lambda plan: sum(count_padded(lengths, batch) for batch in plan))
    rng.shuffle(batches)
    return batches


def _plan_window(
    by_source: list[int], lengths: Sequence[tuple[int, int]], training: TrainingConfig, tile: int
) -> list[list[int]]:
    size = training.per_device_train_batch_size
    batches = []
    for items in _cut(by_source, tile * size):
        group = sorted(items, key=lambda i: lengths[i][::-1], reverse=True)
        if training.max_batch_tokens is None:
            batches += _cut(group, size)
        else:
            batches += fill_batches([(i, *lengths[i]) for i in group], training.max_batch_tokens)
    return batches


def _cut(items: list[int], size: int) -> list[list[int]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def fill_batches(items: Sequence[tuple[int, int, int]], max_tokens: int) -> list[list[int]]:
    """Cut `items` (index, source tokens, target tokens), in their order, into batches of at most `max_tokens`.

    Tokens count with their padding. An item that is longer than the budget gets a batch of its own.
    """
    batches: list[list[int]] = []
    longest_source = longest_target = 0
    for index, source, target in items:
        longest_source, longest_target = max(longest_source, source), max(longest_target, target)
        padded = round_up(longest_source) + round_up(longest_target)
        if batches and (len(batches[-1]) + 1) * padded <= max_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
            longest_source, longest_target = source, target
    return batches


def collate_sources(sources: Sequence[list[int]], *, pad_id: int) -> dict[str, torch.Tensor]:
    """Pad token ids on the right: `input_ids` and `attention_mask`, each (B, S)."""
    import torch

    width = round_up(max(len(ids) for ids in sources))
    input_ids = torch.full((len(sources), width), pad_id)
    attention_mask = torch.zeros((len(sources), width), dtype=torch.long)
    for row, ids in enumerate(sources):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        attention_mask[row, : len(ids)] = 1
    return {"input_ids": input_ids, "attention_mask": attention_mask}


def collate_pairs(pairs: Sequence[TrainingPair], *, pad_id: int) -> dict[str, torch.Tensor]:
    """Pad a training batch: the sources as in `collate_sources`, and `labels` (B, T) with -100 on padding."""
    import torch

    width = round_up(max(len(pair.labels) for pair in pairs))
    labels = torch.full((len(pairs), width), IGNORED_LABEL)
    for row, pair in enumerate(pairs):
        labels[row, : len(pair.labels)] = torch.tensor(pair.labels)
    return collate_sources([pair.input_ids for pair in pairs], pad_id=pad_id) | {"labels": labels}


def padding_share(lengths: Sequence[tuple[int, int]], batches: Sequence[Sequence[int]]) -> float:
    """Return which share of the batches' positions, source and target together, is padding: [0, 1)."""
    real = padded = 0
    for batch in batches:
        real += sum(sum(lengths[i]) for i in batch)
        padded += count_padded(lengths, batch)
    return 1 - real / padded if padded else 0.0


def count_padded(lengths: Sequence[tuple[int, int]], batch: Sequence[int]) -> int:
    """Return a batch's positions, source and target together, with their padding."""
    return len(batch) * (round_up(max(lengths[i][0] for i in batch)) + round_up(max(lengths[i][1] for i in batch)))


def round_up(length: int) -> int:
    """Return the width that a batch with `length` as its longest row is padded to."""
    return -(-length // MULTIPLE) * MULTIPLE


def describe_pairs(pairs: Sequence[TrainingPair]) -> dict[str, Any]:
    """Count what truncation took from a training split."""
    return {
        "num_pairs": len(pairs),
        "num_truncated_sources": sum(pair.source_truncated for pair in pairs),
        "num_truncated_targets": sum(pair.target_truncated for pair in pairs),
    }


__all__ = [
    "IGNORED_LABEL",
    "TokenizedSource",
    "TrainingPair",
    "build_prompt",
    "collate_pairs",
    "collate_sources",
    "count_padded",
    "count_source_tokens",
    "count_target_tokens",
    "describe_pairs",
    "fill_batches",
    "padding_share",
    "plan_batches",
    "round_up",
    "tokenize_pairs",
    "tokenize_sources",
]
