"""Read a checkpoint's weights so that none is in memory twice."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor


def read_weights(source: str, revision: str | None) -> dict[str, Tensor] | None:
    """Return the weights of a folder or hub id in fp32, by name, in memory of their own; None without safetensors.

    A file is mapped anew for every matrix: while it is mapped, all pages of it that were read count as held. A matrix
    that stayed in the mapped file would begin wherever the header before it ends, and matrix kernels round differently
    for another alignment: the same weights from another file would give another summary where two words are nearly
    tied. Raises OSError or SafetensorError for a file that cannot be read.
    """
    from safetensors import safe_open

    weights = {}
    for path in _find_files(source, revision):
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
        for name in names:
            with safe_open(path, framework="pt") as file:
                weights[name] = _copy(file.get_tensor(name))
    return weights or None


def _copy(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float32, copy=True) if tensor.is_floating_point() else tensor.clone()


def _find_files(source: str, revision: str | None) -> list[Path]:
    """Return the safetensors files of a checkpoint, one or several; none where it has none."""
    from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME, cached_file
    from transformers.utils.hub import get_checkpoint_shard_files

    def find(name: str) -> str | None:
        return cached_file(source, name, revision=revision, _raise_exceptions_for_missing_entries=False)

    if (single := find(SAFE_WEIGHTS_NAME)) is not None:
        return [Path(single)]
    if (index := find(SAFE_WEIGHTS_INDEX_NAME)) is None:
        return []
    shards, _ = get_checkpoint_shard_files(source, index, revision=revision)
    return [Path(shard) for shard in shards]


__all__ = ["read_weights"]
