"""Rows as they stand in a source, before anything is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
Content = list[Row] | dict[str, list[Row]]
"""A file's rows, or several lists of rows by name."""


class TranscriptText(str):
    """A dialogue that was read from a transcript, a line for each turn: nothing in it is a sign for something else."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RawSource:
    """What a source holds, as it stands there; `unsplit` rows still have to be divided, and then `splits` is empty."""

    splits: dict[str, list[Row]]
    unsplit: list[Row]
    notes: tuple[str, ...] = ()


__all__ = ["Content", "RawSource", "Row", "TranscriptText"]
