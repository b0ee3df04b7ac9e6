"""Tokenized splits on disk: made by the first run that trains, taken from there by every other of the experiment.

Takes training pairs, gives them back; a split is one safetensors file of all token ids, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from dialora.data.tokens.labels import TrainingPair
from dialora.store import Stage, load_json, names, save_json

Splits = Mapping[str, Sequence[TrainingPair]]


def tokenize_once(stage: Stage, tokenize: Callable[[], Splits]) -> dict[str, list[TrainingPair]]:
    """Return what lies in the stage, which is filled from `tokenize` where it is not complete."""
    if not stage.is_complete:
        splits = tokenize()
        with stage.writing() as folder:
            for name, pairs in splits.items():
                _save(pairs, folder / name)
            save_json(list(splits), folder / names.TOKENIZED_SPLITS)
    return {name: _load(stage.folder / name) for name in load_json(stage.folder / names.TOKENIZED_SPLITS)}


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
    names = load_json(path.with_suffix(".json"))
    return [
        TrainingPair(name, source, target, *cut)
        for name, source, target, cut in zip(names, rows[::2], rows[1::2], flags, strict=True)
    ]


__all__ = ["tokenize_once"]
