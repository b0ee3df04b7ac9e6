"""A file as somebody might have it, and what has to be read from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class File:
    """A file of a family of formats.

    `written` is bytes, a text, or values that are written as JSON; `turns` are those of all its conversations.
    """

    name: str
    """Its suffix may be another format's."""
    written: Any
    format: str
    turns: Sequence[str]
    left_out: dict[str, int] = field(default_factory=dict)
    remarks: dict[str, int] = field(default_factory=dict)
    num_merged: int = 0
    num_conversations: int = 1
    encoding: str = "utf-8"
    """`utf-8-sig` is with a byte order mark."""
    has_crlf: bool = False

    def write(self, folder: Path) -> Path:
        """Write the file into a folder; return its path."""
        data = self.written
        if not isinstance(data, bytes):
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, indent=1)
            data = (text.replace("\n", "\r\n") if self.has_crlf else text).encode(self.encoding)
        path = folder / self.name
        path.write_bytes(data)
        return path


@dataclass(frozen=True)
class Refused:
    """A file in which nobody says anything, or nobody is named, and what the one line about it matches."""

    name: str
    written: Any
    says: str

    def write(self, folder: Path) -> Path:
        """Write the file into a folder; return its path."""
        return File(self.name, self.written, "", []).write(folder)
