"""A path, or bytes of standard input → the content of a file: text, JSON, a document's paragraphs, an archive."""

from __future__ import annotations

import sys
import zipfile
import zlib
from codecs import BOM_UTF8
from io import BytesIO
from pathlib import Path

from dialora.data.reading.files import describe_error, open_bytes, reading_explained, require_file, shorten_path
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


def open_content(path: Path) -> Content:
    """Return what lies at a path, `-` being standard input. Raises DataError where it cannot be looked at."""
    if path == STANDARD_INPUT:
        return parse_bytes(sys.stdin.buffer.read(MAX_BYTES + 1), path)
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
    """Return what bytes hold; `path` is for messages. Raises DataError."""
    if len(data) > MAX_BYTES:
        raise DataError(f"{path}: holds more than {MAX_BYTES >> 20} MB, which is no conversation; divide it.")
    if data.startswith(_ZIP):
        return _open_zip(BytesIO(data), path)
    text = decode(data, path)
    if not text.strip():
        raise DataError(f"{path}: is empty.")
    return parse_text(text, path)


def open_folder(folder: Path) -> Archive:
    """Return the files of a folder and its sub-folders, but for hidden ones, in the order of their names."""
    names = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )

    def read(name: str) -> bytes:
        with reading_explained(folder / name), (folder / name).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise DataError(f"{folder / name}: holds more than {MAX_BYTES >> 20} MB; divide it.")
        return data

    return Archive(names, read)


def _is_json_lines(start: bytes) -> bool:
    """Whether a file begins with a line that is a JSON object, and goes on."""
    first, _, rest = start.removeprefix(BOM_UTF8).lstrip().partition(b"\n")
    return bool(rest.strip()) and is_record(first)


def _open_zip(file: Path | BytesIO, path: Path) -> Text | Archive:
    try:
        archive = zipfile.ZipFile(file)
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise DataError(f"{path}: is not a whole zip file: {describe_error(error)}; get it again.") from error
    if len(names) > MAX_FILES:
        raise DataError(f"{path}: holds {len(names):,} files, more than {MAX_FILES:,}; unpack it and give a part.")
    left = MAX_BYTES

    def read(name: str) -> bytes:
        nonlocal left
        try:
            with archive.open(name) as member:
                unpacked = member.read(left + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise DataError(f"{path}: {name}: cannot be unpacked: {describe_error(error)}; get it again.") from error
        left -= len(unpacked)
        if left < 0:
            raise DataError(f"{path}: unpacks to more than {MAX_BYTES >> 20} MB; unpack it and give a part.")
        return unpacked

    if DOCUMENT in names:
        return Text(read_paragraphs(read(DOCUMENT), path), is_document=True)
    # What a Mac adds to an archive, and hidden files, are nobody's conversation.
    shown = [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]
    return Archive(sorted(shown), read)


__all__ = ["MAX_FILES", "STANDARD_INPUT", "open_content", "open_folder", "parse_bytes"]
