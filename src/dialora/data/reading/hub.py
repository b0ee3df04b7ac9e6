"""A data set of the Hugging Face hub. Nothing is asked of the network unless the user names one."""

from __future__ import annotations

from dialora.data.reading.files import describe_error
from dialora.data.reading.raw import RawSource
from dialora.data.reading.splits import sort_into_splits
from dialora.errors import DataError


def read_hub(source: str, *, name: str | None, revision: str | None) -> RawSource:
    """Read every row of a data set by its id; `name` is its configuration. Raises DataError."""
    import datasets

    try:
        loaded = datasets.load_dataset(source, revision=revision, **({"name": name} if name else {}))
        named = {str(split): [dict(row) for row in rows] for split, rows in loaded.items()}
    except Exception as error:  # the library and the network raise dozens of unrelated types
        raise DataError(
            f"{source}: no such file or folder here, nor a hub data set (revision {revision or 'main'}) that can be "
            f"loaded: {type(error).__name__}: {describe_error(error)}. Check the name and the connection, log in with "
            "`hf auth login` if it is gated, or download it and give its folder as data.source; data.name chooses one "
            "of several configurations."
        ) from error
    return sort_into_splits(named, where=source)


__all__ = ["read_hub"]
