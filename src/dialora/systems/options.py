"""How conversations are summarized: what is done with long ones, and how speakers are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from dialora.config.problems import show
from dialora.data.transcripts import STYLES, Style
from dialora.errors import ConfigError
from dialora.records import Record

OnLong = Literal["split", "truncate", "error"]
Join = Literal["concatenate", "resummarize"]
ON_LONG: tuple[OnLong, ...] = get_args(OnLong)
JOINS: tuple[Join, ...] = get_args(Join)


@dataclass(frozen=True, slots=True)
class SummaryOptions(Record):
    """How conversations are summarized. Raises ConfigError for a value that is none."""

    on_long: OnLong = "split"
    """What is done with a conversation that is longer than the system reads."""
    join: Join = "concatenate"
    """How the summaries of its parts become one: in order, or summarized once more."""
    speakers: Style | None = None
    """How speakers are called; None as in what the system was trained on."""

    def __post_init__(self) -> None:
        _require(self.on_long, ON_LONG, "on_long")
        _require(self.join, JOINS, "join")
        _require(self.speakers, (*STYLES, None), "speakers")


def _require(value: str | None, allowed: Sequence[str | None], name: str) -> None:
    if value not in allowed:
        known = ", ".join(one for one in allowed if one is not None)
        raise ConfigError(f"{name}: {show(str(value))} is none of {known}.")


__all__ = ["JOINS", "ON_LONG", "Join", "OnLong", "SummaryOptions"]
