"""The names of what lies beside an output of summaries: none of it is anybody's conversation."""

from __future__ import annotations

import os
from pathlib import Path

from dialora.store import names


def manifest(output: Path) -> Path:
    """What made the output, and its digests."""
    return output.with_name(f"{output.name}.manifest.json")


def partial(output: Path) -> Path:
    """Where the batches of the chunk under way are kept."""
    return output.with_name(f"{output.name}.partial")


def appended(output: Path) -> Path:
    """Where the chunk that is being appended is kept whole."""
    return output.with_name(f"{output.name}.appended")


def rows(output: Path) -> Path:
    """The rows that an output is made of which is written in one go."""
    return output.with_name(f"{output.name}.rows.jsonl")


def shards(output: Path) -> Path:
    """The folder of what several workers make the output from; hidden, so that it is no input either."""
    return output.with_name(f".{output.name}.shards")


def lock(output: Path) -> Path:
    """What one process holds at a time; of links to an output there is one."""
    place = output.resolve()
    return place.with_name(f".{place.name}.lock")


def list_own_files(output: Path) -> frozenset[str]:
    """Return the real paths of an output and of all that may lie beside it."""
    own = [kind(one) for one in (output, rows(output)) for kind in (Path, manifest, partial, appended, lock)]
    own += [path.with_name(names.unfinished(path.name)) for path in own]
    return frozenset(os.path.realpath(path) for path in own)


__all__ = ["appended", "list_own_files", "lock", "manifest", "partial", "rows", "shards"]
