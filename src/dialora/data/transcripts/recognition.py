"""Which format a file is of, by what it holds; and what to say where it is of none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dialora.data.transcripts.content import Archive, Content, Json, Text
from dialora.data.transcripts.conversation import quote
from dialora.data.transcripts.formats import FORMATS, Sureness, TranscriptFormat
from dialora.errors import DataError

_LONGEST_KEYS = 6
_WITHOUT_NAMES = (
    "Text needs a name before each turn, as in `Anna: hi`; Teams' plain text has lost them: get its .vtt or .docx."
)


def find_transcript_format(content: Content, *, at_least: Sureness = Sureness.POSSIBLE) -> TranscriptFormat[Any] | None:
    """Return the format that is surest of a content, of equally sure ones the first by name; None where none is.

    `at_least` is how sure it has to be.
    """
    asked = [FORMATS[name] for name in sorted(FORMATS) if isinstance(content, FORMATS[name].content)]
    sureness = {one.name: one.recognise(content) for one in asked}
    best = max(asked, key=lambda one: sureness[one.name], default=None)
    return best if best is not None and sureness[best.name] >= at_least else None


def refuse_unknown(content: Content, path: Path) -> DataError:
    """Return what to raise for a file of no known format."""
    known = ", ".join(sorted(FORMATS, key=str.casefold))
    hint = f" {_WITHOUT_NAMES}" if isinstance(content, Text) else ""
    start = describe_start(content)
    return DataError(f"{path}: is of no known format of conversations; {start}.{hint} Known: {known}.")


def describe_start(content: Content) -> str:
    """Return in words how a content begins, which is what was not understood."""
    match content:
        case Text():
            return f"its first line is {quote(next(iter(content.head), ''))}"
        case Archive():
            return f"it holds {', '.join(map(repr, content.names[:_LONGEST_KEYS])) or 'no files'}"
        case Json(head=dict() as value):
            return f"its JSON has the keys {', '.join(map(repr, list(value)[:_LONGEST_KEYS])) or 'of an empty object'}"
        case Json():
            return f"its JSON begins with {quote(str(content.first))}"


__all__ = ["describe_start", "find_transcript_format", "refuse_unknown"]
