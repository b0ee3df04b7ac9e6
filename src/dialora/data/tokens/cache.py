"""Tokenized splits on disk: made once for an experiment, in a process of its own, and taken from there by every run.

Takes training pairs, gives them back; a split is one safetensors file of all token ids, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from dialora.data.tokens.pairs import PackedPairs
from dialora.store import Stage, load_json, names, save_json


def save_tokens(stage: Stage, splits: Mapping[str, PackedPairs], *, seconds: float) -> None:
    """Write the stage; `seconds` is what tokenizing took."""
    with stage.writing() as folder:
        for name, pairs in splits.items():
            _save(pairs, folder / name)
        save_json(list(splits), folder / names.TOKENIZED_SPLITS)
        save_json({"seconds": seconds}, folder / names.TOKENS_FACTS)


def load_tokens(stage: Stage) -> dict[str, PackedPairs]:
    """Return what lies in the stage. Raises StageError where it is not complete."""
    folder = stage.require()
    return {name: _load(folder / name) for name in load_json(folder / names.TOKENIZED_SPLITS)}


def _save(pairs: PackedPairs, path: Path) -> None:
    arrays: dict[str, NDArray[Any]] = {"ids": pairs.ids, "ends": pairs.ends, "truncated": pairs.truncated}
    save_file(arrays, path.with_suffix(".safetensors"))
    save_json(list(pairs.names), path.with_suffix(".json"))


def _load(path: Path) -> PackedPairs:
    return PackedPairs(tuple(load_json(path.with_suffix(".json"))), **load_file(path.with_suffix(".safetensors")))


__all__ = ["load_tokens", "save_tokens"]
