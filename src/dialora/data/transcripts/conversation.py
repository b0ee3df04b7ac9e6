"""A conversation as turns, and the account of how its turns were made from what a file holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from dialora.data.reading.text import require_whole
from dialora.errors import DataError
from dialora.records import Record

UNKNOWN = "Unknown"
"""The speaker of what nobody is named for, where others are."""
CONTINUED = "lines that begin no turn, read with the turn above"
_LONGEST_SAMPLE = 80
_NOTHING_LEFT = "no words"


@dataclass(frozen=True, slots=True)
class Turn(Record):
    """What one speaker says at a time; both texts are on one line."""

    speaker: str
    text: str
    start: float | None = None
    """Seconds since the conversation began, where the file says so."""


@dataclass(frozen=True, slots=True)
class Conversation(Record):
    """One conversation of a file.

    Each of the `num_units` messages, cues or paragraphs that were found is a turn, was merged into one, or was left
    out: `num_units == len(turns) + num_merged + sum(left_out.values())`.
    """

    name: str
    format: str
    turns: tuple[Turn, ...]
    num_units: int
    num_merged: int = 0
    """Units added to the turn before them, which has the same speaker."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many units are no turns, by what they are."""
    remarks: Mapping[str, int] = field(default_factory=dict)
    """What else was done on the way, and how many times."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """Those who speak, in order of their first turn."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))

    @property
    def counts(self) -> dict[str, int]:
        """How many units were merged, left out or given something, by what was done, in words."""
        merged = {"merged into the turn before, of the same speaker": self.num_merged} if self.num_merged else {}
        return {**merged, **{f"left out: {what}": count for what, count in self.left_out.items()}, **self.remarks}

    @property
    def notes(self) -> tuple[str, ...]:
        """The counts as sentences."""
        return tuple(f"{what}: {count:,}." for what, count in self.counts.items())

    def to_json(self) -> dict[str, Any]:
        """Return the conversation as plain JSON values."""
        values = {name: getattr(self, name) for name in ("name", "format", "num_units", "num_merged")}
        turns = [turn.to_json() for turn in self.turns]
        return values | {"left_out": dict(self.left_out), "remarks": dict(self.remarks), "turns": turns}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Build the conversation from `to_json`'s form."""
        return cls(**values | {"turns": tuple(Turn(**turn) for turn in values["turns"])})


@dataclass(slots=True)
class _Unit:
    speaker: str | None
    lines: list[str]
    start: float | None
    may_inherit: bool


class Draft:
    """A conversation while it is read; formats add what they find, `finish` counts it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.left_out: Counter[str] = Counter()
        self.remarks: Counter[str] = Counter()
        self.sample = ""
        """The first of what was left out, for a message."""
        self._units: list[_Unit] = []

    def add(self, speaker: str | None, text: str, start: float | None = None, *, may_inherit: bool = True) -> None:
        """Add what somebody says; a speaker of None is inherited from the units around it, as far as they may be."""
        self._units.append(_Unit(fold(speaker) or None if speaker is not None else None, [text], start, may_inherit))

    def continue_last(self, line: str) -> bool:
        """Add a line to the unit before; return whether there is one."""
        if self._units:
            self._units[-1].lines.append(line)
        return bool(self._units)

    def leave_out(self, reason: str, sample: str = "", count: int = 1) -> None:
        """Count what is no turn."""
        if count:
            self.sample = self.sample or fold(sample)
            self.left_out[reason] += count

    def remark(self, what: str, count: int = 1) -> None:
        """Count something else that was done."""
        if count:
            self.remarks[what] += count

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said."""
        return not any(fold(line) for unit in self._units for line in unit.lines)

    @property
    def has_speakers(self) -> bool:
        """Whether anybody is named."""
        return any(unit.speaker for unit in self._units)

    def finish(self, format_name: str, where: str, *, merges: bool) -> Conversation:
        """Return the conversation; with `merges`, consecutive units of one speaker are one turn.

        Raises DataError where a text holds half a character.
        """
        num_units = len(self._units) + sum(self.left_out.values())
        # Speaker, pieces and start of each turn; joined at the end, for a turn may have very many.
        runs: list[tuple[str, list[str], float | None]] = []
        num_merged = 0
        self._inherit_speakers()
        for unit in self._units:
            text = fold(require_whole("\n".join(unit.lines), where, "text of a turn"))
            speaker = require_whole(unit.speaker or UNKNOWN, where, "speaker of a turn")
            if not text:
                self.leave_out(_NOTHING_LEFT, speaker)
            elif merges and runs and runs[-1][0] == speaker:
                runs[-1][1].append(text)
                num_merged += 1
            else:
                runs.append((speaker, [text], unit.start))
        name = require_whole(fold(self.name), where, "name of a conversation")
        left_out, remarks = dict(self.left_out), dict(self.remarks)
        turns = tuple(Turn(speaker, " ".join(texts), start) for speaker, texts, start in runs)
        return Conversation(name, format_name, turns, num_units, num_merged, left_out, remarks)

    def _inherit_speakers(self) -> None:
        """Give units without a speaker that of the unit before, or else of the first one behind that has any."""
        last = next((unit.speaker for unit in self._units if unit.speaker), None)
        for unit in self._units:
            if unit.speaker is None and unit.may_inherit and last is not None:
                unit.speaker = last
                self.remark("without a speaker, so given the one of what stands beside it")
            last = unit.speaker


def fold(text: str) -> str:
    """Return a text on one line, single spaces between its words."""
    return " ".join(text.split())


def quote(text: str) -> str:
    """Return the start of a text, for a message."""
    text = fold(text)
    return repr(text if len(text) <= _LONGEST_SAMPLE else f"{text[:_LONGEST_SAMPLE]}…")


def parse_names(options: Sequence[str]) -> dict[str, str]:
    """Return the new name of each speaker by options as `SPEAKER_00=Anna`. Raises DataError."""
    names: dict[str, str] = {}
    for option in options:
        old, sign, new = (part.strip() for part in option.rpartition("="))
        if not (old and sign and new):
            raise DataError(f"--rename {option!r}: give the speaker, an equals sign and the new name: SPEAKER_00=Anna.")
        if names.setdefault(old, new) != new:
            raise DataError(f"--rename: {old!r} has two new names, {names[old]!r} and {new!r}; give one.")
    return names


def rename_speakers(conversation: Conversation, names: Mapping[str, str]) -> Conversation:
    """Return a conversation with other names for its speakers. Raises DataError for a name that nobody has.

    Two speakers may get one name: diarization divides a voice in two.
    """
    speakers = conversation.speakers
    for name, new in names.items():
        if name not in speakers:
            raise DataError(
                f"{conversation.name}: nobody is called {name!r}, so nobody can be renamed to {new!r}. "
                f"Speakers: {', '.join(speakers)}."
            )
        if not fold(new):
            raise DataError(f"{conversation.name}: the new name of {name!r} is empty; give one.")
    turns = tuple(replace(turn, speaker=fold(names.get(turn.speaker, turn.speaker))) for turn in conversation.turns)
    return replace(conversation, turns=turns)


__all__ = ["CONTINUED", "UNKNOWN", "Conversation", "Draft", "Turn", "fold", "parse_names", "quote", "rename_speakers"]
