"""Tokenized splits on disk: made once for an experiment, in a process of its own, and taken from there by every run.

Takes training pairs, gives them back; a split is one safetensors file of all token ids, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from dialora.data.tokens.labels import TrainingPair
from dialora.store import Stage, load_json, names, save_json

Splits = Mapping[str, Sequence[TrainingPair]]


def save_tokens(stage: Stage, splits: Splits, *, seconds: float) -> None:
    """Write the stage; `seconds` is what tokenizing took."""
    with stage.writing() as folder:
        for name, pairs in splits.items():
            _save(pairs, folder / name)
        save_json(list(splits), folder / names.TOKENIZED_SPLITS)
        save_json({"seconds": seconds}, folder / names.TOKENS_FACTS)


def load_tokens(stage: Stage) -> dict[str, list[TrainingPair]]:
    """Return what lies in the stage. Raises StageError where it is not complete."""
    folder = stage.require()
    return {name: _load(folder / name) for name in load_json(folder / names.TOKENIZED_SPLITS)}


def _save(pairs: Sequence[TrainingPair], path: Path) -> None:
    rows = [ids for pair in pairs for ids in (pair.input_ids, pair.labels)]
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "ids": np.fromiter((i for ids in rows for i in ids), dtype=np.int32),
        "ends": np.fromiter(accumulate(map(len, rows)), dtype=np.int64, count=len(rows)),
        "truncated": np.array([(p.source_truncated, p.target_truncated) for p in pairs], dtype=np.bool_).reshape(-1, 2),
    }
    save_file(arrays, path.with_suffix(".safetensors"))
    save_json([pair.id for pair in pairs], path.with_suffix(".json"))


def _load(path: Path) -> list[TrainingPair]:
    arrays = load_file(path.with_suffix(".safetensors"))
    ids = arrays["ids"].tolist()
    rows = [ids[start:end] for start, end in pairwise([0, *arrays["ends"].tolist()])]
    flags = arrays["truncated"].tolist()
    ids_of_rows = load_json(path.with_suffix(".json"))
    return [
        TrainingPair(name, source, target, *cut)
        for name, source, target, cut in zip(ids_of_rows, rows[::2], rows[1::2], flags, strict=True)
    ]


__all__ = ["load_tokens", "save_tokens"]
