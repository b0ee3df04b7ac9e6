"""A path, or bytes of standard input → the content of a file: text, JSON, a document's paragraphs, an archive."""

from __future__ import annotations

import gzip
import lzma
import os
import struct
import sys
import zipfile
import zlib
from codecs import BOM_UTF8
from io import BytesIO
from pathlib import Path

from dialora.data.reading.files import (
    describe_error,
    is_gzip,
    open_bytes,
    reading_explained,
    require_file,
    shorten_path,
    unpacking_explained,
)
from dialora.data.reading.text import stream_lines
from dialora.data.transcripts.content import (
    MAX_BYTES,
    Archive,
    Content,
    Text,
    build_json_lines,
    decode,
    is_record,
    parse_text,
)
from dialora.data.transcripts.documents import DOCUMENT, read_paragraphs
from dialora.errors import DataError

STANDARD_INPUT = Path("-")
MAX_FILES = 200_000
"""Of an archive or folder."""
_LOOKED_AT = 1 << 20
"""Bytes by which a file of JSON lines is told, which may be of any size."""
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, LookupError,
    OverflowError, MemoryError, RuntimeError,
)  # fmt: skip
"""What reading a zip file raises where it is damaged, packed in a way that is not known, or locked."""


def open_content(path: Path) -> Content:
    """Return what lies at a path, `-` being standard input. Raises DataError where it cannot be looked at."""
    if path == STANDARD_INPUT:
        return parse_bytes(read_standard_input(), path)
    with reading_explained(path):
        if not path.exists():
            raise DataError(f"{shorten_path(path)}: no such file or folder. Relative paths count from {Path.cwd()}.")
        if path.is_dir():
            return open_folder(path)
        require_file(path)
        with path.open("rb") as file:
            if file.read(len(_ZIP[0])) in _ZIP:
                return _open_zip(path, path)  # which may be large, for the pictures in it
        with open_bytes(path) as file:
            data = file.read(_LOOKED_AT)
            if _is_json_lines(data):
                return build_json_lines(lambda: stream_lines(path), path)
            return parse_bytes(data + file.read(MAX_BYTES + 1 - len(data)), path)


def parse_bytes(data: bytes, path: Path) -> Content:
    """Return what bytes hold, unpacked where they are gzip; `path` is for messages. Raises DataError."""
    if is_gzip(data):
        with unpacking_explained(path), gzip.open(BytesIO(data)) as file:
            data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DataError(f"{path}: holds more than {MAX_BYTES >> 20} MB, which is no conversation; divide it.")
    if data.startswith(_ZIP):
        return _open_zip(BytesIO(data), path)
    text = decode(data, path)
    if not text.strip():
        raise DataError(f"{path}: is empty.")
    return parse_text(text, path)


def read_standard_input() -> bytes:
    """Return all that comes on standard input, and at most a byte more than any file may have. Raises DataError."""
    try:
        if sys.stdin is None:  # closed before the program began
            raise OSError("it is closed")
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"standard input: cannot be read: {describe_error(error)}; give a file by its name.") from error


def open_folder(folder: Path) -> Archive:
    """Return the files of a folder and its sub-folders, but for hidden ones, in the order of their names.

    What is named like a file and is none, as a broken link, is among them: opening it says so. Raises DataError where
    the folder itself cannot be listed, or is no folder of data: going through a whole disk would take minutes.
    """
    if (whole := folder.resolve()) == whole.parent:
        raise DataError(f"{shorten_path(folder)}: is a whole disk; give the folder that holds the conversations.")
    names: list[str] = []
    failed: list[OSError] = []
    num_links = 0
    for place, folders, files in os.walk(folder, onerror=failed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        num_links += sum(os.path.islink(os.path.join(place, name)) for name in folders)
        inside = Path(place).relative_to(folder)
        names += [(inside / name).as_posix() for name in files if not name.startswith(".")]
        if len(names) > MAX_FILES:
            raise DataError(f"{shorten_path(folder)}: holds more than {MAX_FILES:,} files; give a part.")
    unreadable = [Path(error.filename) for error in failed]
    if folder in unreadable:
        with reading_explained(folder):
            raise failed[0]

    def read(name: str) -> bytes:
        with reading_explained(folder / name):
            require_file(folder / name)
            with (folder / name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DataError(f"{folder / name}: holds more than {MAX_BYTES >> 20} MB; divide it.")
        return data

    return Archive(
        sorted(names),
        read,
        lambda name: open_content(folder / name),
        sorted(place.relative_to(folder).as_posix() for place in unreadable),
        num_links,
    )


def _is_json_lines(start: bytes) -> bool:
    """Whether a file begins with a line that is a JSON object, and goes on."""
    first, _, rest = start.removeprefix(BOM_UTF8).lstrip().partition(b"\n")
    return bool(rest.strip()) and is_record(first)


def _open_zip(file: Path | BytesIO, path: Path) -> Text | Archive:
    try:
        archive = zipfile.ZipFile(file)
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except _DAMAGE as error:
        raise DataError(f"{path}: is not a whole zip file: {describe_error(error)}; get it again.") from error
    if len(names) > MAX_FILES:
        raise DataError(f"{path}: holds {len(names):,} files, more than {MAX_FILES:,}; unpack it and give a part.")
    left = MAX_BYTES

    def read(name: str) -> bytes:
        nonlocal left
        try:
            with archive.open(name) as member:
                unpacked = member.read(left + 1)
        except _DAMAGE as error:
            raise DataError(f"{path}: {name}: cannot be unpacked: {describe_error(error)}; get it again.") from error
        left -= len(unpacked)
        if left < 0:
            raise DataError(f"{path}: unpacks to more than {MAX_BYTES >> 20} MB; unpack it and give a part.")
        return unpacked

    def open_member(name: str) -> Content:
        content = parse_bytes(read(name), path / name)
        if isinstance(content, Archive):
            raise DataError(f"{path / name}: is a zip file in a zip file; give it by itself.")
        return content

    if DOCUMENT in names:
        return Text(read_paragraphs(read(DOCUMENT), path), is_document=True)
    # What a Mac adds to an archive, and hidden files, are nobody's conversation.
    shown = [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]
    return Archive(sorted(shown), read, open_member)


__all__ = ["MAX_FILES", "STANDARD_INPUT", "open_content", "open_folder", "parse_bytes", "read_standard_input"]
