"""A batch's token ids as tensors: of an encoder-decoder source and target apart, of a causal model one sequence.

Shapes: B batch, S source tokens, T target tokens, N tokens of a source with its target; each padded to the longest of
the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialora.data.tokens.batches import round_up
from dialora.data.tokens.labels import IGNORED_LABEL
from dialora.data.tokens.pairs import TrainingPair

if TYPE_CHECKING:
    import torch


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


@dataclass(frozen=True, slots=True)
class Collator:
    """Makes tensors for an encoder-decoder."""

    pad_id: int

    def measure(self, pairs: Sequence[TrainingPair]) -> list[tuple[int, int]]:
        """Return the lengths that batches are planned by: of each pair the two that are padded."""
        return [pair.lengths for pair in pairs]

    def collate_pairs(self, pairs: Sequence[TrainingPair]) -> dict[str, torch.Tensor]:
        """Pad a training batch on the right: `input_ids`, `attention_mask` (B, S) and `labels` (B, T)."""
        return collate_pairs(pairs, pad_id=self.pad_id)

    def collate_sources(self, sources: Sequence[list[int]], *, rounded: bool = True) -> dict[str, torch.Tensor]:
        """Pad what is written to: `input_ids` and `attention_mask`, each (B, S), S `rounded` up as in training."""
        return collate_sources(sources, pad_id=self.pad_id)


@dataclass(frozen=True, slots=True)
class CausalCollator(Collator):
    """Makes tensors for a causal model, which reads a target behind its source, and goes on at a source's end."""

    def measure(self, pairs: Sequence[TrainingPair]) -> list[tuple[int, int]]:
        """Return the length of each pair's one sequence; there is no other."""
        return [(sum(pair.lengths), 0) for pair in pairs]

    def collate_pairs(self, pairs: Sequence[TrainingPair]) -> dict[str, torch.Tensor]:
        """Pad a training batch on the right: `input_ids`, `attention_mask` and `labels`, each (B, N).

        Labels are -100 on the source and on padding: what is learned is the summary and its end.
        """
        import torch

        batch = collate_sources([[*pair.input_ids, *pair.labels] for pair in pairs], pad_id=self.pad_id)
        labels = torch.full(batch["input_ids"].shape, IGNORED_LABEL)
        for row, pair in enumerate(pairs):
            source, target = pair.lengths
            labels[row, source : source + target] = torch.tensor(pair.labels)
        return batch | {"labels": labels}

    def collate_sources(self, sources: Sequence[list[int]], *, rounded: bool = True) -> dict[str, torch.Tensor]:
        """Pad on the left, so that every row goes on where its source ends: `input_ids` and `attention_mask` (B, S)."""
        import torch

        longest = max(len(ids) for ids in sources)
        width = round_up(longest) if rounded else longest
        input_ids = torch.full((len(sources), width), self.pad_id)
        attention_mask = torch.zeros((len(sources), width), dtype=torch.long)
        for row, ids in enumerate(sources):
            input_ids[row, width - len(ids) :] = torch.tensor(ids)
            attention_mask[row, width - len(ids) :] = 1
        return {"input_ids": input_ids, "attention_mask": attention_mask}


__all__ = ["CausalCollator", "Collator", "collate_pairs", "collate_sources"]
