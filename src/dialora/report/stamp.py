"""Whether a report still stands as it was written: then it need not be drawn again, which is what takes the time.

Keeps `.report.json` beside the report: a key of all that goes in (the document, dialora's own code, what draws) and the
SHA-256 of each file that came out. A file that is missing or was edited is no report.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from dialora.report.document import ReportDocument
from dialora.store import digest_code, hash_file, load_json, names, save_json

_DRAWN_WITH = ("jinja2", "markupsafe", "matplotlib", "numpy")


def build_key(document: ReportDocument) -> str:
    """Return what a report of this document is known by."""
    made_by = [digest_code(), platform.python_version(), *(f"{name} {version(name)}" for name in _DRAWN_WITH)]
    # The document's repr has every digit of every number, and no order that is not the document's own.
    return hashlib.sha256("\n".join([*made_by, repr(document)]).encode(errors="backslashreplace")).hexdigest()


def is_current(folder: Path, key: str) -> bool:
    """Return whether the report in the folder was made from this key, and is whole and untouched."""
    try:
        stamp = load_json(folder / names.REPORT_STAMP)
        return bool(stamp["key"] == key) and all(
            hash_file(folder / name) == digest for name, digest in stamp["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def stamp_report(folder: Path, key: str, files: Iterable[Path]) -> None:
    """Note what the files just written were made from."""
    digests = {path.relative_to(folder).as_posix(): hash_file(path) for path in files}
    save_json({"key": key, "files": digests}, folder / names.REPORT_STAMP)


__all__ = ["build_key", "is_current", "stamp_report"]
