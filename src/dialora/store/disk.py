"""What the disk or the system refuses, in one line that says what to do."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialora.errors import ConfigError, DialoraError, StageError

_PATHS = {
    errno.ENAMETOOLONG: "the name is too long (255 bytes for a part of it, on most disks); give a shorter one",
    errno.ENOTDIR: "a part of the path is a file, not a folder; give another path",
    errno.EISDIR: "is a folder, not a file; give another path",
    errno.ELOOP: "its links lead in a circle; give another path",
    errno.ENOENT: "is not there, and cannot be made; give another path",
}
_KEPT = "Finished stages are kept; mend it or give another --output, and run again."
_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk's quota is used up",
    errno.EACCES: "reading or writing is not allowed",
    errno.EPERM: "reading or writing is not allowed",
    errno.EFBIG: "a file gets larger than the system allows (`ulimit -f`)",
    errno.EROFS: "writing is not allowed: the disk is read-only",
    errno.EIO: "the disk cannot be read or written",
    errno.EMFILE: "too many files are open (`ulimit -n`)",
}


def explain_disk_error(error: OSError, folder: Path | None = None) -> DialoraError:
    """Return the error as one line: a ConfigError about a path that cannot be, else a StageError.

    `folder` is where it happened, for errors that do not say.
    """
    # Of a copy, the file that is written.
    named = error.filename if error.filename2 is None else error.filename2
    where = named if isinstance(named, str | Path) else folder
    place = "" if where is None else f"{_cut(str(where))}: "
    if error.errno in _PATHS:
        return ConfigError(f"{place}{_PATHS[error.errno]}.")
    if error.errno in _DISK:
        return StageError(f"{place}{_DISK[error.errno]}. {_KEPT}")
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return StageError(f"{place}{_cut(reason, 400)}. {_KEPT}")


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Turn what the system says of a path or disk into one line that says what to do."""
    try:
        yield
    except OSError as error:
        # Libraries raise OSError for much else, without a number.
        if error.errno is None or isinstance(error, BlockingIOError | ConnectionError | InterruptedError):
            raise
        raise explain_disk_error(error, folder) from error
    except DialoraError:
        raise
    except Exception as error:
        # safetensors and tokenizers raise errors of their own for what the system refuses.
        found = re.search(r"\(os error (\d+)\)$", str(error))
        if found is None or int(found[1]) not in _DISK:
            raise
        raise explain_disk_error(OSError(int(found[1]), ""), folder) from error


def _cut(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"


__all__ = ["disk_errors_explained", "explain_disk_error"]
