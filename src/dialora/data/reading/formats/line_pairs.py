"""A dialogue on each line of `train.source`, and its summary on the same line of `train.target`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from dialora.data.reading.files import require_file
from dialora.data.reading.formats.format import Format
from dialora.data.reading.raw import Row
from dialora.data.reading.text import stream_lines
from dialora.errors import DataError

SOURCE, TARGET = ".source", ".target"


class LinePairs(Format):
    """Two files of as many lines; without the second there are no summaries."""

    suffixes = (SOURCE,)
    companions = (TARGET,)

    def stream(self, path: Path) -> Iterator[tuple[str, Row]]:
        """Give a row for each line."""
        target = path.with_name(path.name.replace(SOURCE, TARGET))
        if not target.exists():
            for number, line in enumerate(stream_lines(path), start=1):
                yield f"line {number}", {"dialogue": line}
            return
        require_file(target)
        for number, (line, summary) in enumerate(zip_longest(stream_lines(path), stream_lines(target)), start=1):
            if line is None or summary is None:
                shorter = path if line is None else target
                raise DataError(f"{shorter}: ends before line {number} of the file beside it; they must go together.")
            yield f"line {number}", {"dialogue": line, "summary": summary}


__all__ = ["LinePairs"]
