"""Training pairs as token ids: one at a time as it is read, all of a split in a few arrays.

A number in a Python list takes 36 bytes, in an array 4: a million dialogues are 1 GB and not 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


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


@dataclass(frozen=True, slots=True, eq=False)
class PackedPairs(Sequence[TrainingPair]):
    """Pairs in arrays; each is built when it is asked for, and equals the one that was packed."""

    names: tuple[str, ...]
    """Each pair's id."""
    ids: NDArray[np.int32]
    """All token ids: of each pair its source, then its labels."""
    ends: NDArray[np.int64]
    """Where each source and each labels end in `ids`: two for each pair."""
    truncated: NDArray[np.bool_]
    """(pairs, 2): source and target."""

    @overload
    def __getitem__(self, index: int) -> TrainingPair: ...
    @overload
    def __getitem__(self, index: slice) -> list[TrainingPair]: ...
    def __getitem__(self, index: int | slice) -> TrainingPair | list[TrainingPair]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        start = int(self.ends[2 * at - 1]) if at else 0
        middle, end = self.ends[2 * at : 2 * at + 2].tolist()
        source, labels = self.ids[start:middle].tolist(), self.ids[middle:end].tolist()
        return TrainingPair(self.names[at], source, labels, *self.truncated[at].tolist())

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[TrainingPair]:
        return map(self.__getitem__, range(len(self)))


def pack_pairs(parts: Iterable[Sequence[TrainingPair]]) -> PackedPairs:
    """Pack pairs that come part by part; of each part no more than its arrays is kept."""
    names: list[str] = []
    ids, sizes, truncated = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], [np.zeros((0, 2), np.bool_)]
    for part in parts:
        rows: list[list[int]] = [row for pair in part for row in (pair.input_ids, pair.labels)]
        names += [pair.id for pair in part]
        ids.append(np.fromiter((i for row in rows for i in row), dtype=np.int32))
        sizes.append(np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)))
        flags: Any = [(pair.source_truncated, pair.target_truncated) for pair in part]
        truncated.append(np.array(flags, dtype=np.bool_).reshape(-1, 2))
    ends = np.concatenate(sizes).cumsum()
    return PackedPairs(tuple(names), np.concatenate(ids), ends, np.concatenate(truncated))


__all__ = ["PackedPairs", "TrainingPair", "pack_pairs"]
