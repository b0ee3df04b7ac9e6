"""A batch's token ids as tensors, padded on the right.

Shapes: B batch, S source tokens, T target tokens; both padded to the longest of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
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


__all__ = ["collate_pairs", "collate_sources"]
