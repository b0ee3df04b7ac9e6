"""TranscriptFormat: what every format of conversations is."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, ClassVar, Generic, TypeVar

from dialora.data.transcripts.content import Content
from dialora.data.transcripts.conversation import Draft

FORMATS: dict[str, TranscriptFormat[Any]] = {}
"""By name."""
C = TypeVar("C", bound=Content)


class Sureness(IntEnum):
    """How sure a format is that a file is its own."""

    NO = 0
    POSSIBLE = 1
    """What other formats look like too."""
    LIKELY = 2
    CERTAIN = 3
    """No other format has this."""


class TranscriptFormat(Generic[C]):
    """One format: it says how sure it is of a content, and reads it."""

    name: ClassVar[str]
    """As people call it."""
    content: ClassVar[type[Any]]
    """What it reads: Text, Json or Archive."""
    merges: ClassVar[bool] = False
    """Its units are pieces of what somebody says, so that consecutive ones of a speaker are one turn."""
    columns: ClassVar[frozenset[str]] = frozenset()
    """Keys of a record of its JSON that a table's column of dialogues may be called by too."""
    without_speakers: ClassVar[str] = "name the speakers in it, as in `Anna: hello`"
    """What to do about a file in which nobody is named."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Enter the class in FORMATS under its name."""
        super().__init_subclass__(**kwargs)
        if "name" in cls.__dict__:
            FORMATS[cls.name] = cls()

    def recognise(self, content: C) -> Sureness:
        """Say how sure it is, by the beginning of a content; raises nothing."""
        raise NotImplementedError

    def read(self, content: C, name: str) -> Iterator[Draft]:
        """Give the conversations; `name` is the file's. Raises DataError."""
        raise NotImplementedError

    def count_passed_over(self, content: C) -> int:
        """Return how many files of a content lie beside what `read` takes."""
        return 0


__all__ = ["FORMATS", "Sureness", "TranscriptFormat"]
