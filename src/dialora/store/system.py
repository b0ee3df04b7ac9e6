"""Which operating systems dialora runs on."""

from __future__ import annotations

import sys

from dialora.errors import DialoraError


def require_posix() -> None:
    """Raise DialoraError on Windows.

    Windows can put no folder on disk for good (`fsync` of a folder), stop a worker with its checkpoint (SIGINT to one
    process), nor tell its peak memory (`resource`): no stage could be written, so it is said before anything begins.
    """
    if sys.platform == "win32":
        raise DialoraError(
            "Windows lacks what dialora is built on (POSIX signals and file calls); run it in WSL, where it works as "
            "on Linux: `wsl --install`, then install dialora there."
        )


__all__ = ["require_posix"]
